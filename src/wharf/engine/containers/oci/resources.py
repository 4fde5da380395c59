"""The cgroup part of the OCI configuration: limits and device rules."""

from wharf.engine.containers.oci import defaults
from wharf.errors import InvalidParameter
from wharf.runtime.spec import LinuxResources
from wharf.schema.host_config import HostConfig

MINIMUM_MEMORY = 6 * 1024 * 1024


def check(host: HostConfig) -> None:
    """Refuse limits that cannot be, in Docker's words."""
    if 0 < host.memory < MINIMUM_MEMORY:
        raise InvalidParameter("Minimum memory limit allowed is 6MB")
    if host.memory > 0 and 0 < host.memory_swap < host.memory:
        raise InvalidParameter("Minimum memoryswap limit should be larger than memory limit, see usage")
    if host.memory == 0 and host.memory_swap > 0:
        raise InvalidParameter(
            "You should always set the Memory limit when using Memoryswap limit, see usage"
        )
    if host.nano_cpus > 0 and (host.cpu_period > 0 or host.cpu_quota > 0):
        raise InvalidParameter("Conflicting options: Nano CPUs and CPU Period cannot both be set")


def _memory(host: HostConfig) -> dict[str, object]:
    memory: dict[str, object] = {}
    if host.memory > 0:
        memory["limit"] = host.memory
        memory["swap"] = host.memory_swap or 2 * host.memory
    if host.memory_reservation > 0:
        memory["reservation"] = host.memory_reservation
    if host.memory_swappiness is not None and host.memory_swappiness >= 0:
        memory["swappiness"] = host.memory_swappiness
    if host.oom_kill_disable:
        memory["disableOOMKiller"] = True
    return memory


def _cpu(host: HostConfig) -> dict[str, object]:
    values: dict[str, object] = {
        "shares": host.cpu_shares,
        "quota": host.cpu_quota,
        "period": host.cpu_period,
        "realtimePeriod": host.cpu_realtime_period,
        "realtimeRuntime": host.cpu_realtime_runtime,
        "cpus": host.cpuset_cpus,
        "mems": host.cpuset_mems,
    }
    if host.nano_cpus > 0:
        values["period"] = 100_000
        values["quota"] = host.nano_cpus // 10_000
    return {name: value for name, value in values.items() if value}


def _devices(host: HostConfig) -> list[dict[str, object]]:
    if host.privileged:
        return [{"allow": True, "access": "rwm"}]
    rules: list[dict[str, object]] = [{"allow": False, "access": "rwm"}]
    for allow, kind, major, minor in defaults.device_rules():
        rules.append({"allow": allow, "type": kind, "major": major, "minor": minor, "access": "rwm"})
    return rules


def resources(host: HostConfig) -> LinuxResources:
    """Return the limits of `host` as OCI resources; what is not limited is absent."""
    made: dict[str, object] = {"devices": _devices(host)}
    if memory := _memory(host):
        made["memory"] = memory
    if cpu := _cpu(host):
        made["cpu"] = cpu
    if host.pids_limit is not None and host.pids_limit > 0:
        made["pids"] = {"limit": host.pids_limit}
    if host.blkio_weight:
        made["blockIO"] = {"weight": host.blkio_weight}
    return made  # type: ignore[return-value]  # built key by key from the same names
