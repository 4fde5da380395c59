"""What a request to create a container may ask for, and what its fields come to.

`admit` turns a request and an image into the config and host config that are kept; it refuses in Docker's
words what cannot be, and says plainly what this engine does not do yet. Nothing is changed by it.
"""

import os
import re
from collections.abc import Sequence

import msgspec

from wharf.engine.containers import health, places, restart_policy, stop
from wharf.engine.containers.oci import defaults, mounts, process, resources, spec
from wharf.engine.errors import NotYet
from wharf.engine.images.image import Image
from wharf.errors import Conflict, InvalidParameter
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
    if words[0] == "" and len(words) == 1:
        raise InvalidParameter("no command specified")
    return words


def admit(
    request: ContainerConfig, host: HostConfig, image: Image | None, container_id: str, *, cgroup_mode: str
) -> tuple[ContainerConfig, HostConfig, list[str]]:
    """Return the config and host config that are kept, and warnings for the user."""
    config = _merge_image(request, image.config) if image else request
    host = _host_defaults(host, cgroup_mode=cgroup_mode)
    command(config)
    if not config.hostname:
        name = os.uname().nodename if host.network_mode == "host" else container_id[:12]
        config = msgspec.structs.replace(config, hostname=name)
    if config.working_dir and not config.working_dir.startswith("/"):
        raise InvalidParameter(
            f"the working directory '{config.working_dir}' is invalid, it needs to be an absolute path"
        )
    health.check(config.healthcheck)
    if config.stop_signal:
        stop.parse_signal(config.stop_signal)
    _check_host(host)
    _refuse_what_is_not_done(config, host)
    warnings: list[str] = []
    return config, host, warnings


def _host_defaults(host: HostConfig, *, cgroup_mode: str) -> HostConfig:
    privileged = host.privileged
    unmasked = privileged or "systempaths=unconfined" in (host.security_opt or ())
    network = host.network_mode
    return msgspec.structs.replace(
        host,
        network_mode=places.BRIDGE if network in {"", places.DEFAULT} else network,
        restart_policy=RestartPolicy(
            name=host.restart_policy.name or "no", maximum_retry_count=host.restart_policy.maximum_retry_count
        ),
        port_bindings=host.port_bindings or {},
        ipc_mode=host.ipc_mode or "private",
        cgroupns_mode=host.cgroupns_mode or ("private" if cgroup_mode == "v2" else "host"),
        shm_size=host.shm_size or defaults.SHM_SIZE,
        runtime=host.runtime or "runc",
        masked_paths=None if unmasked else list(defaults.masked_paths()),
        readonly_paths=None if unmasked else defaults.READONLY_PATHS,
        memory_swap=host.memory_swap or 2 * host.memory,
        memory_swappiness=None if host.memory_swappiness == -1 else host.memory_swappiness,
        oom_kill_disable=bool(host.oom_kill_disable),
        security_opt=["label=disable"] if privileged and not host.security_opt else host.security_opt,
    )


def _check_host(host: HostConfig) -> None:
    process.capability_names(host, available=())
    resources.check(host)
    spec.check_security_options(host)
    mounts.user_mounts(host)
    if host.shm_size < 0:
        raise InvalidParameter("SHM size can not be less than 0")
    restart_policy.check(host.restart_policy)
    if host.restart_policy.name != "no" and host.auto_remove:
        raise InvalidParameter("can't create 'AutoRemove' container with restart policy")
    if host.network_mode == "host" and host.links:
        raise Conflict("conflicting options: host type networking can't be used with links")


def _refuse_what_is_not_done(config: ContainerConfig, host: HostConfig) -> None:
    asked = {
        "publishing ports": bool(host.port_bindings) or host.publish_all_ports,
        "--link": bool(host.links),
        "--volumes-from": bool(host.volumes_from),
        "an anonymous volume": bool(config.volumes),
        "--device": bool(host.devices),
        "--device-cgroup-rule": bool(host.device_cgroup_rules),
        "--gpus": bool(host.device_requests),
        "--userns": host.userns_mode not in {"", "host"},
        "--init": bool(host.init),
        "--storage-opt": bool(host.storage_opt),
        f'the runtime "{host.runtime}"': host.runtime != "runc",
        "--volume-driver": host.volume_driver not in {"", "local"},
    }
    for what, is_asked in asked.items():
        if is_asked:
            raise NotYet(what)
    spec.namespaces(host, "v1")
