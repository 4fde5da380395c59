"""What a container's settings may not say, in dockerd's order and words.

`check_request` is what dockerd's API refuses by itself: options that contradict each other. `check_config`
and `check_host` follow, before the image is looked at. All raise InvalidParameter and change nothing.
"""

import ipaddress
from collections.abc import Callable

from wharf.engine.containers.mounts import resolve
from wharf.engine.containers.oci import process
from wharf.engine.containers.stop import parse_signal
from wharf.errors import InvalidParameter
from wharf.schema.container import ContainerConfig
from wharf.schema.host_config import HostConfig

HOST_GATEWAY = "host-gateway"
_CONTAINER = "container:"
_UNDEFINED = "This would result in undefined behavior"


def check_request(config: ContainerConfig, host: HostConfig) -> None:
    """Refuse what the API can tell by the request alone."""
    kind, _, other = host.network_mode.partition(":")
    if kind == "container" and not other.partition(":")[0]:
        raise InvalidParameter("invalid network mode: invalid container format container:<name|id>")
    if kind == "container":
        _check_joined_network(config, host)
    if host.uts_mode == "host" and config.hostname:
        raise InvalidParameter("conflicting options: hostname and the UTS mode")
    if host.network_mode == "host" and host.links:
        raise InvalidParameter(
            f"conflicting options: host type networking can't be used with links. {_UNDEFINED}"
        )
    if host.isolation.lower() not in {"", "default"}:
        raise InvalidParameter(f"invalid isolation ({host.isolation}): linux only supports 'default'")
    if host.io_maximum_bandwidth:
        raise InvalidParameter(
            "invalid option: QoS maximum bandwidth configuration is not supported on linux"
        )
    if host.io_maximum_iops:
        raise InvalidParameter("invalid option: QoS maximum IOPs configuration is not supported on linux")
    if 0 != host.cpu_realtime_period < host.cpu_realtime_runtime:
        raise InvalidParameter("cpu real-time runtime cannot be higher than cpu real-time period")


def _check_joined_network(config: ContainerConfig, host: HostConfig) -> None:
    conflicts = {
        "hostname and the network mode": config.hostname,
        f"container type network can't be used with links. {_UNDEFINED}": host.links,
        "dns and the network mode": host.dns,
        "custom host-to-IP mapping and the network mode": host.extra_hosts,
        "port publishing and the container type network mode": host.port_bindings or host.publish_all_ports,
        "port exposing and the container type network mode": config.exposed_ports,
    }
    for what, is_there in conflicts.items():
        if is_there:
            raise InvalidParameter(f"conflicting options: {what}")


def check_config(config: ContainerConfig) -> None:
    """Refuse what a container's own configuration may not say."""
    if config.working_dir and not config.working_dir.startswith("/"):
        raise InvalidParameter(
            f"the working directory '{config.working_dir}' is invalid, it needs to be an absolute path"
        )
    if config.stop_signal and not config.stop_signal.isdigit():  # any number may turn out to be a signal
        parse_signal(config.stop_signal)
    for entry in config.env or ():
        if not entry or entry.startswith("="):
            raise InvalidParameter(f"invalid environment variable: {entry}")


def check_host(host: HostConfig, *, knows_runtime: Callable[[str], bool]) -> None:
    """Refuse what a container may not ask of its host."""
    resolve.check(host)
    for entry in host.extra_hosts or ():
        _check_extra_host(entry)
    process.capability_names(host, available=())
    if "" in (host.annotations or {}):
        raise InvalidParameter("invalid Annotations: the empty string is not permitted as an annotation key")
    _check_modes(host)
    if host.shm_size < 0:
        raise InvalidParameter("SHM size can not be less than 0")
    if not -1000 <= host.oom_score_adj <= 1000:
        raise InvalidParameter(
            f"Invalid value {host.oom_score_adj}, range for oom score adj is [-1000, 1000]"
        )
    if host.runtime and not knows_runtime(host.runtime):
        raise InvalidParameter(f"unknown or invalid runtime name: {host.runtime}")


def _check_modes(host: HostConfig) -> None:
    ipc, pid = host.ipc_mode, host.pid_mode
    if ipc not in {"", "none", "host", "private", "shareable"} and not ipc.startswith(_CONTAINER):
        raise InvalidParameter(f"invalid IPC mode: {ipc}")
    if pid not in {"", "host"} and not (pid.startswith(_CONTAINER) and pid != _CONTAINER):
        raise InvalidParameter(f"invalid PID mode: {pid}")
    if host.uts_mode not in {"", "host"}:
        raise InvalidParameter(f"invalid UTS mode: {host.uts_mode}")
    if host.cgroupns_mode not in {"", "host", "private"}:
        raise InvalidParameter(f"invalid cgroup namespace mode: {host.cgroupns_mode}")


def _check_extra_host(entry: str) -> None:
    name, colon, address = entry.partition(":")
    if not colon or not name:
        raise InvalidParameter(f'bad format for add-host: "{entry}"')
    if address == HOST_GATEWAY:
        return
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise InvalidParameter(f'invalid IP address in add-host: "{address}"') from None


def is_shim_name(runtime: str) -> bool:
    """Tell whether a name may be that of one of containerd's shims, which a start looks for."""
    return "." in runtime and "/" not in runtime and not runtime.startswith(".")
