"""wharfd's settings: one row each, read from flags and from the configuration file.

Names, defaults and rules are dockerd's: a setting given both as a flag and in the file is an error, and so is
a key of the file that is unknown. A setting that Docker has and this engine does not do yet is refused by
name, so that nobody believes it is in force.
"""

import argparse
import json
import os
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import NamedTuple, NoReturn

from wharf import __version__
from wharf.engine.logs.options import check as check_log_options
from wharf.errors import InvalidParameter
from wharf.network.settings import DEFAULT_ADDRESS_POOLS, PUBLISH_POLICIES, AddressPool

DEFAULT_CONFIG_FILE = "/etc/wharf/daemon.json"
DEFAULT_DATA_ROOT = "/var/lib/wharf"
DEFAULT_EXEC_ROOT = "/run/wharf"


class Setting(NamedTuple):
    """One setting: `flag` on the command line, `key` in the file."""

    flag: str
    kind: str
    default: object
    help: str
    short: str | None = None
    plural: str | None = None

    @property
    def field(self) -> str:
        """The attribute that holds it."""
        return self.flag.replace("-", "_")

    @property
    def key(self) -> str:
        """The key of the configuration file; lists have a plural."""
        return self.plural or self.flag


SETTINGS = (
    Setting("host", "list", (), "Daemon socket(s) to connect to", "H", "hosts"),
    Setting("data-root", "string", DEFAULT_DATA_ROOT, "Root directory of persistent state"),
    Setting("exec-root", "string", DEFAULT_EXEC_ROOT, "Root directory for execution state files"),
    Setting("pidfile", "string", "", "Path to use for daemon PID file (default EXEC-ROOT/wharfd.pid)", "p"),
    Setting("group", "string", "docker", "Group for the unix socket", "G"),
    Setting("debug", "bool", False, "Enable debug mode", "D"),
    Setting(
        "log-level", "string", "info", 'Set the logging level ("debug"|"info"|"warn"|"error"|"fatal")', "l"
    ),
    Setting(
        "bridge", "string", "", "Attach containers to a network bridge; one that is missing is made", "b"
    ),
    Setting("bip", "string", "", "IPv4 address for the default bridge"),
    Setting("ipv6", "bool", False, "Enable IPv6 networking for the default bridge network"),
    Setting("fixed-cidr-v6", "string", "", "IPv6 subnet for the default bridge network"),
    Setting(
        "default-address-pool",
        "pools",
        (),
        "Default address pools for node specific local networks",
        None,
        "default-address-pools",
    ),
    Setting("mtu", "int", 1500, 'Set the MTU for the default "bridge" network'),
    Setting("icc", "bool", True, "Enable inter-container communication for the default bridge network"),
    Setting("iptables", "bool", True, "Enable addition of firewall rules"),
    Setting("ip-forward", "bool", True, "Enable IP forwarding in system configuration"),
    Setting("ip-masq", "bool", True, "Enable IP masquerading for the default bridge network"),
    Setting("ip", "string", "0.0.0.0", "Host IP for port publishing from the default bridge network"),
    Setting("userland-proxy", "bool", True, "Use userland proxy for loopback traffic"),
    Setting(
        "publish-policy",
        "string",
        "docker",
        'How far published ports reach ("docker"|"host-firewall"|"loopback")',
    ),
    Setting("firewall-backend", "string", "auto", "Firewall backend to use, auto or nftables"),
    Setting("dns", "list", (), "DNS server to use"),
    Setting("dns-opt", "list", (), "DNS options to use", None, "dns-opts"),
    Setting("dns-search", "list", (), "DNS search domains to use"),
    Setting("cgroup-parent", "string", "", "Set parent cgroup for all containers"),
    Setting("label", "list", (), "Set key=value labels to the daemon", None, "labels"),
    Setting(
        "insecure-registry", "list", (), "Enable insecure registry communication", None, "insecure-registries"
    ),
    Setting("registry-mirror", "list", (), "Preferred Docker registry mirror", None, "registry-mirrors"),
    Setting("max-concurrent-downloads", "int", 3, "Set the max concurrent downloads"),
    Setting("max-concurrent-uploads", "int", 5, "Set the max concurrent uploads"),
    Setting("max-download-attempts", "int", 5, "Set the max download attempts for each pull"),
    Setting("live-restore", "bool", True, "Containers outlive the engine: always so"),
    Setting("storage-driver", "string", "overlay2", "Storage driver to use: overlay2", "s"),
    Setting(
        "default-runtime", "string", "runc", "Default OCI runtime for containers: runc, which is our own"
    ),
    Setting("log-driver", "string", "json-file", "Default driver for container logs"),
    Setting("log-opt", "map", (), "Default log driver options for containers", None, "log-opts"),
    Setting("shutdown-timeout", "int", 15, "Set the default shutdown timeout"),
)

NOT_YET = [
    "add-runtime",
    "allow-direct-routing",
    "authorization-plugin",
    "bip6",
    "cdi-spec-dir",
    "containerd",
    "containerd-namespace",
    "containerd-plugins-namespace",
    "cpu-rt-period",
    "cpu-rt-runtime",
    "default-cgroupns-mode",
    "default-gateway",
    "default-gateway-v6",
    "default-ipc-mode",
    "default-network-opt",
    "default-shm-size",
    "default-ulimit",
    "exec-opt",
    "experimental",
    "feature",
    "fixed-cidr",
    "host-gateway-ip",
    "http-proxy",
    "https-proxy",
    "init",
    "init-path",
    "ip-forward-no-drop",
    "ip6tables",
    "log-format",
    "metrics-addr",
    "network-control-plane-mtu",
    "no-new-privileges",
    "no-proxy",
    "node-generic-resource",
    "raw-logs",
    "rootless",
    "seccomp-profile",
    "selinux-enabled",
    "storage-opt",
    "swarm-default-advertise-addr",
    "tls",
    "tlscacert",
    "tlscert",
    "tlskey",
    "tlsverify",
    "userland-proxy-path",
    "userns-remap",
]


class Settings(NamedTuple):
    """What wharfd was told; a field for each row of `SETTINGS`."""

    host: tuple[str, ...]
    data_root: str
    exec_root: str
    pidfile: str
    group: str
    debug: bool
    log_level: str
    bridge: str
    bip: str
    ipv6: bool
    fixed_cidr_v6: str
    default_address_pool: tuple[AddressPool, ...]
    mtu: int
    icc: bool
    iptables: bool
    ip_forward: bool
    ip_masq: bool
    ip: str
    userland_proxy: bool
    publish_policy: str
    firewall_backend: str
    dns: tuple[str, ...]
    dns_opt: tuple[str, ...]
    dns_search: tuple[str, ...]
    cgroup_parent: str
    label: tuple[str, ...]
    insecure_registry: tuple[str, ...]
    registry_mirror: tuple[str, ...]
    max_concurrent_downloads: int
    max_concurrent_uploads: int
    max_download_attempts: int
    live_restore: bool
    storage_driver: str
    default_runtime: str
    log_driver: str
    log_opt: tuple[tuple[str, str], ...]
    shutdown_timeout: int

    @property
    def is_default_instance(self) -> bool:
        """Whether this is the engine that people mean when they name none."""
        return self.data_root == DEFAULT_DATA_ROOT


class _Parser(argparse.ArgumentParser):
    """argparse with dockerd's way to fail."""

    def error(self, message: str) -> NoReturn:
        raise InvalidParameter(f"{message}\nSee '{self.prog} --help'.")


def _boolean(text: str) -> bool:
    if text.lower() in {"1", "t", "true"}:
        return True
    if text.lower() in {"0", "f", "false"}:
        return False
    raise argparse.ArgumentTypeError(f'invalid boolean value "{text}"')


def _pool(text: str) -> AddressPool:
    try:
        parts = dict(part.split("=", 1) for part in text.split(","))
        return AddressPool(parts["base"], int(parts["size"]))
    except (ValueError, KeyError):
        raise argparse.ArgumentTypeError(f'invalid address pool "{text}": use base=CIDR,size=N') from None


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"invalid map item {text}: should be of the form NAME=VALUE")
    return name, value


_TYPES: dict[str, Callable[[str], object]] = {"bool": _boolean, "int": int, "pools": _pool, "map": _pair}
_LISTS = {"list", "pools", "map"}


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="wharfd", description="The engine: serves Docker's API and runs containers.",
                     argument_default=argparse.SUPPRESS, allow_abbrev=False)  # fmt: skip
    parser.add_argument("-v", "--version", action="version", version=f"wharfd version {__version__}")
    parser.add_argument("--config-file", help=f"Daemon configuration file (default {DEFAULT_CONFIG_FILE})")
    parser.add_argument("--validate", action="store_true", help="Validate daemon configuration and exit")
    for setting in SETTINGS:
        names = [f"-{setting.short}"] if setting.short else []
        names.append(f"--{setting.flag}")
        convert = _TYPES.get(setting.kind, str)
        if setting.kind in _LISTS:
            parser.add_argument(*names, dest=setting.field, action="append", type=convert, help=setting.help)
        elif setting.kind == "bool":
            parser.add_argument(
                *names, dest=setting.field, nargs="?", const=True, type=convert, help=setting.help
            )
        else:
            parser.add_argument(*names, dest=setting.field, type=convert, help=setting.help)
    for flag in NOT_YET:
        parser.add_argument(f"--{flag}", dest=f"not yet {flag}", nargs="?", help=argparse.SUPPRESS)
    return parser


class Invocation(NamedTuple):
    """What the command line comes to."""

    settings: Settings
    only_validates: bool


def read(arguments: Sequence[str]) -> Invocation:
    """Read flags and file; InvalidParameter says what is wrong with them."""
    flags = vars(_parser().parse_args(arguments))
    for name in flags:
        if name.startswith("not yet "):
            raise InvalidParameter(f"--{name.removeprefix('not yet ')} is not supported by this engine yet")
    only_validates = bool(flags.pop("validate", False))
    explicit = flags.pop("config_file", None)
    from_file = _read_file(explicit or DEFAULT_CONFIG_FILE, must_exist=explicit is not None)
    values: dict[str, object] = {setting.field: setting.default for setting in SETTINGS}
    for field in from_file.keys() & flags.keys():
        raise InvalidParameter(
            "the following directives are specified both as a flag and in the configuration file: "
            f"{field.replace('_', '-')}: (from flag: {flags[field]}, from file: {from_file[field]})"
        )
    values.update(from_file)
    values.update(flags)
    for setting in SETTINGS:
        if setting.kind in _LISTS:
            values[setting.field] = tuple(values[setting.field])  # type: ignore[arg-type]  # lists by construction
    values["default_address_pool"] = values["default_address_pool"] or DEFAULT_ADDRESS_POOLS
    values["pidfile"] = values["pidfile"] or f"{values['exec_root']}/wharfd.pid"
    settings = Settings(**values)  # type: ignore[arg-type]  # each row's kind is checked above
    _check(settings)
    return Invocation(settings, only_validates)


def _check(settings: Settings) -> None:
    for flag, value, only in (
        ("storage-driver", settings.storage_driver, "overlay2"),
        ("default-runtime", settings.default_runtime, "runc"),
    ):
        if value != only:
            raise InvalidParameter(f"--{flag}={value} is not supported by this engine yet")
    _check_publishing(settings)
    try:
        check_log_options(settings.log_driver, dict(settings.log_opt))
    except InvalidParameter as error:
        raise InvalidParameter(f"failed to set log opts: {error}") from error
    for name, number, least in (
        ("max concurrent downloads", settings.max_concurrent_downloads, 0),
        ("max concurrent uploads", settings.max_concurrent_uploads, 0),
        ("max download attempts", settings.max_download_attempts, 1),
    ):
        if number < least:
            raise InvalidParameter(f"invalid {name}: {number}")
    for name, path in (("data-root", settings.data_root), ("exec-root", settings.exec_root)):
        if not os.path.isabs(path):
            raise InvalidParameter(f"--{name} must be an absolute path, not {path}")


def _check_publishing(settings: Settings) -> None:
    try:
        ip_address(settings.ip)
    except ValueError:
        raise InvalidParameter(
            f'invalid argument "{settings.ip}" for "--ip" flag: failed to parse IP: "{settings.ip}"'
        ) from None
    if not settings.iptables and not settings.icc:
        raise InvalidParameter(
            "You specified --iptables=false with --icc=false. ICC=false uses iptables to function. "
            "Please set --icc or --iptables to true"
        )
    if settings.publish_policy not in PUBLISH_POLICIES:
        raise InvalidParameter(f"invalid publish-policy: {settings.publish_policy}")
    if settings.publish_policy == "host-firewall" and not settings.userland_proxy:
        raise InvalidParameter("--publish-policy=host-firewall needs --userland-proxy")


def _read_file(path: str, *, must_exist: bool) -> dict[str, object]:
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except FileNotFoundError:
        if must_exist:
            raise InvalidParameter(f"unable to configure the daemon with file {path}: no such file") from None
        return {}
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InvalidParameter(f"unable to configure the daemon with file {path}: {error}") from error
    if not isinstance(content, dict):
        raise InvalidParameter(f"unable to configure the daemon with file {path}: not an object")
    by_key = {setting.key: setting for setting in SETTINGS}
    values: dict[str, object] = {}
    for key, value in content.items():
        if key not in by_key:
            known = (
                "is not supported by this engine yet" if key.rstrip("s") in NOT_YET or key in NOT_YET else ""
            )
            raise InvalidParameter(
                f"unable to configure the daemon with file {path}: {key} {known}"
                if known
                else f"unable to configure the daemon with file {path}: "
                f"the following directives don't match any configuration option: {key}"
            )
        values[by_key[key].field] = _file_value(by_key[key], value, path)
    return values


def _file_value(setting: Setting, value: object, path: str) -> object:
    match setting.kind, value:
        case ("list", list()) if all(isinstance(item, str) for item in value):
            return value
        case ("map", dict()) if all(isinstance(item, str) for item in value.values()):
            return list(value.items())
        case ("pools", list()):
            try:
                return [AddressPool(pool["base"], pool["size"]) for pool in value]
            except (KeyError, TypeError):
                pass
        case ("bool", bool()) | ("string", str()):
            return value
        case ("int", int()) if not isinstance(value, bool):
            return value
    raise InvalidParameter(
        f"unable to configure the daemon with file {path}: {setting.key}: wrong type of value"
    )
