"""What a request to create a container may ask for, and what its fields come to.

`admit` turns a request and an image into the config and host config that are kept; it refuses in Docker's
words what cannot be, and says plainly what this engine does not do yet. Nothing is changed by it.
"""

import os
import posixpath
import re
from collections.abc import Collection, Sequence

import msgspec

from wharf.engine.containers import health, limits, places, published, restart_policy, settings_check
from wharf.engine.containers.limit_support import LimitSupport
from wharf.engine.containers.oci import defaults, security
from wharf.engine.images.image import Image
from wharf.errors import Internal, InvalidParameter
from wharf.schema.container import ContainerConfig
from wharf.schema.host_config import HostConfig, RestartPolicy
from wharf.schema.image import ImageConfig

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", re.ASCII)


def check_name(name: str) -> str:
    """Return the name without its slash; raise in Docker's words where it is none."""
    bare = name.removeprefix("/")
    if not _NAME.fullmatch(bare):
        raise InvalidParameter(f"Invalid container name ({bare}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed")
    return bare


def _with_missing(env: Sequence[str], image_env: Sequence[str]) -> list[str]:
    """Return the user's variables and, behind them, the image's others."""
    named = {entry.partition("=")[0] for entry in env}
    return [*env, *(entry for entry in image_env if entry.partition("=")[0] not in named)]


def _merge_image(config: ContainerConfig, image: ImageConfig) -> ContainerConfig:
    """Fill what the user left open from the image, as Docker merges them."""
    changes: dict[str, object] = {
        "env": _with_missing(config.env or [], image.env or []),
        "labels": {**(image.labels or {}), **(config.labels or {})},
        "user": config.user or image.user,
        "working_dir": config.working_dir or image.working_dir,
        "stop_signal": config.stop_signal or image.stop_signal,
        "healthcheck": health.merged(config.healthcheck, image.healthcheck),
        "shell": config.shell or image.shell,
    }
    if image.exposed_ports:
        changes["exposed_ports"] = {**image.exposed_ports, **(config.exposed_ports or {})}
    changes["volumes"] = config.volumes or None
    if image.volumes:
        changes["volumes"] = {**image.volumes, **(config.volumes or {})}
    if not config.entrypoint:
        if not config.cmd:
            changes["cmd"] = image.cmd
        if config.entrypoint is None:
            changes["entrypoint"] = image.entrypoint
    if config.entrypoint == [""]:  # `--entrypoint ""` takes the image's away
        changes["entrypoint"] = None
    return msgspec.structs.replace(config, **changes)


def command(config: ContainerConfig) -> list[str]:
    """Return the arguments of the container's process."""
    words = [*(config.entrypoint or ()), *(config.cmd or ())]
    if not words:
        raise InvalidParameter("no command specified")
    return words


def check(
    config: ContainerConfig, host: HostConfig, *, kernel: LimitSupport, runtimes: Collection[str]
) -> tuple[HostConfig, list[str]]:
    """Refuse what cannot be, whatever the image.

    Return the host config without what the kernel does not know, and warnings.
    """
    settings_check.check_request(config, host)
    settings_check.check_config(config)
    health.check(config.healthcheck)
    settings_check.check_host(
        host, knows_runtime=lambda name: name in runtimes or settings_check.is_shim_name(name)
    )
    host, warnings = limits.check(host, kernel)
    policy = host.restart_policy
    restart_policy.check(msgspec.structs.replace(policy, name=policy.name or "no"))
    if policy.name not in {"", "no"} and host.auto_remove:
        raise InvalidParameter("can't create 'AutoRemove' container with restart policy")
    return host, warnings


def admit(
    request: ContainerConfig, host: HostConfig, image: Image | None, container_id: str, *, cgroup_mode: str
) -> tuple[ContainerConfig, HostConfig, list[str]]:
    """Return the config and host config that are kept, and warnings for the user; `host` has been checked."""
    config = _merge_image(request, image.config) if image else request
    host = _host_defaults(host, cgroup_mode=cgroup_mode)
    command(config)
    changes: dict[str, str] = {}
    if not config.hostname:
        changes["hostname"] = os.uname().nodename if host.network_mode == "host" else container_id[:12]
    if request.working_dir:
        changes["working_dir"] = posixpath.normpath(request.working_dir)
    if changes:
        config = msgspec.structs.replace(config, **changes)
    security.read(host)
    _check_storage(host)
    warnings: list[str] = []
    published.check(host)
    if host.network_mode == "host" and host.port_bindings:
        warnings.append("Published ports are discarded when using host network mode")
    return config, host, warnings


def _check_storage(host: HostConfig) -> None:
    """Refuse options of the storage driver, in overlay2's words."""
    for name in host.storage_opt:
        if name.lower() != "size":
            raise Internal(f"Unknown option {name}")
        raise Internal("--storage-opt is supported only for overlay over xfs with 'pquota' mount option")


def _host_defaults(host: HostConfig, *, cgroup_mode: str) -> HostConfig:
    unmasked = host.privileged
    network = host.network_mode
    shares_processes = host.privileged or "host" in (host.ipc_mode, host.pid_mode)
    return msgspec.structs.replace(
        host,
        network_mode=places.BRIDGE if network in {"", places.DEFAULT} else network,
        restart_policy=RestartPolicy(
            name=host.restart_policy.name or "no", maximum_retry_count=host.restart_policy.maximum_retry_count
        ),
        links=host.links or None,
        ipc_mode=host.ipc_mode or "private",
        cgroupns_mode=host.cgroupns_mode or ("private" if cgroup_mode == "v2" else "host"),
        shm_size=host.shm_size or defaults.SHM_SIZE,
        runtime=host.runtime or "runc",
        masked_paths=_or_default(host.masked_paths, None if unmasked else list(defaults.masked_paths())),
        readonly_paths=_or_default(host.readonly_paths, None if unmasked else defaults.READONLY_PATHS),
        memory_swap=host.memory_swap if host.memory <= 0 else host.memory_swap or _int64(2 * host.memory),
        oom_kill_disable=bool(host.oom_kill_disable) if cgroup_mode == "v1" else host.oom_kill_disable,
        security_opt=_with_label(host.security_opt) if shares_processes else host.security_opt,
    )


def _with_label(options: list[str] | None) -> list[str]:
    """Return the options of a container that shares with the host what SELinux would part."""
    given = options or []
    return given if security.names_label(given) else [*given, "label=disable"]


def _or_default(given: list[str] | None, default: list[str] | None) -> list[str] | None:
    return default if given is None else given


def _int64(number: int) -> int:
    """Return what Go keeps of a number that overflows."""
    return (number + 2**63) % 2**64 - 2**63
