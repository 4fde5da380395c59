"""The request that creates a container: its own part, and the whole of it."""

from __future__ import annotations

from wharf.cli.errors import CliError
from wharf.cli.flags import Parsed
from wharf.cli.options.environment import environment, labels, proxy_variables
from wharf.cli.options.host_config import host_config
from wharf.cli.options.mounts import bind_or_volume
from wharf.cli.options.networking import endpoints, is_mac
from wharf.cli.options.ports import parse_ports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


_WINDOWS_ONLY = ("cpu-count", "cpu-percent", "io-maxbandwidth", "io-maxiops")


def check_platform_flags(parsed: Parsed) -> None:
    """Refuse flags that only an engine on another system knows, in Docker's words.

    Raises:
        CliError: one of them is there.
    """
    for name in _WINDOWS_ONLY:
        if name in parsed.changed:
            raise CliError(
                f'"--{name}" is only supported on a Docker daemon running on windows, but the Docker daemon '
                "is running on linux"
            )


class Request:
    """A container to be created: `config` is the request's body; the rest is what this side has to know."""

    __slots__ = ("attach", "auto_remove", "config", "host", "open_stdin", "tty")

    def __init__(self, config: dict[str, object], host: dict[str, object]) -> None:
        self.config = config
        self.host = host
        self.tty = config["Tty"] is True
        self.open_stdin = config["OpenStdin"] is True
        self.auto_remove = host["AutoRemove"] is True
        self.attach = [name for name in ("Stdin", "Stdout", "Stderr") if config[f"Attach{name}"] is True]

    @property
    def image(self) -> str:
        """The image's name as it was given."""
        return str(self.config["Image"])

    def detach(self) -> None:
        """Attach nothing."""
        self.attach = []
        for name in ("AttachStdin", "AttachStdout", "AttachStderr", "StdinOnce"):
            self.config[name] = False


def build_request(session: Session, parsed: Parsed) -> Request:
    """Return the request that the flags and arguments of `run` or `create` make.

    Raises:
        CliError: in Docker's words.
    """
    if parsed.on("use-api-socket"):
        raise CliError("--use-api-socket is not available yet")
    if not parsed.on("disable-content-trust"):
        raise CliError("content trust is not available yet")
    mac = parsed.text("mac-address")
    if mac and not is_mac(mac):
        raise CliError(f"{mac} is not a valid mac address")
    streams = parsed.texts("attach")
    stdin = "stdin" in streams or parsed.on("interactive")
    swappiness = parsed.number("memory-swappiness")
    if not -1 <= swappiness <= 100:
        raise CliError(f"invalid value: {swappiness}. Valid memory swappiness range is 0-100")
    volumes: dict[str, object] = {}
    binds: list[str] = []
    for text in parsed.texts("volume"):
        value, is_bind = bind_or_volume(text)
        if is_bind:
            binds.append(value)
        else:
            volumes[value] = {}
    binds = list(dict.fromkeys(binds))
    exposed, bindings = parse_ports(parsed.texts("publish"), parsed.texts("expose"))
    given = parsed.texts("env")
    proxies = proxy_variables(session.config.table("proxies"), session.host(), given)
    config: dict[str, object] = {
        "Hostname": parsed.text("hostname"),
        "Domainname": parsed.text("domainname"),
        "User": parsed.text("user"),
        "AttachStdin": stdin,
        "AttachStdout": not streams or "stdout" in streams,
        "AttachStderr": not streams or "stderr" in streams,
        "Tty": parsed.on("tty"),
        "OpenStdin": parsed.on("interactive"),
        "StdinOnce": parsed.on("interactive") and stdin,
        "Env": environment(parsed.texts("env-file"), [*proxies, *given]),
        "Cmd": parsed.arguments[1:] or None,
        "Image": parsed.arguments[0],
        "Volumes": volumes,
        "WorkingDir": parsed.text("workdir"),
        "Entrypoint": _entrypoint(parsed),
        "OnBuild": None,
        "Labels": labels(parsed.texts("label-file"), parsed.texts("label")),
    }
    if exposed:
        config["ExposedPorts"] = exposed
    if (health := _health(parsed)) is not None:
        config["Healthcheck"] = health
    if "stop-signal" in parsed.changed:
        config["StopSignal"] = parsed.text("stop-signal")
    if "stop-timeout" in parsed.changed:
        config["StopTimeout"] = parsed.number("stop-timeout")
    host = host_config(parsed, binds, bindings)
    config["HostConfig"] = host
    config["NetworkingConfig"] = {"EndpointsConfig": endpoints(parsed)}
    return Request(config, host)


def _entrypoint(parsed: Parsed) -> list[str] | None:
    """Return the entrypoint; given but empty, it takes the image's own away."""
    if "entrypoint" in parsed.changed:
        return [parsed.text("entrypoint")]
    return None


def _health(parsed: Parsed) -> dict[str, object] | None:
    durations = {
        "Interval": parsed.number("health-interval"),
        "Timeout": parsed.number("health-timeout"),
        "StartPeriod": parsed.number("health-start-period"),
        "StartInterval": parsed.number("health-start-interval"),
    }
    command, retries = parsed.text("health-cmd"), parsed.number("health-retries")
    is_set = bool(command or retries or any(durations.values()))
    if parsed.on("no-healthcheck"):
        if is_set:
            raise CliError("--no-healthcheck conflicts with --health-* options")
        return {"Test": ["NONE"]}
    if not is_set:
        return None
    for flag in ("interval", "timeout", "retries", "start-period", "start-interval"):
        if parsed.number(f"health-{flag}") < 0:
            raise CliError(f"--health-{flag} cannot be negative")
    health: dict[str, object] = {"Test": ["CMD-SHELL", command]} if command else {}
    health.update({name: value for name, value in durations.items() if value})
    if retries:
        health["Retries"] = retries
    return health
