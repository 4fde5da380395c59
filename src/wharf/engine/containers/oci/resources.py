"""The cgroup part of the OCI configuration: limits and device rules."""

import os
from collections.abc import Sequence

from wharf.errors import Internal
from wharf.linux.cgroup.resources import DeviceRule
from wharf.runtime.spec import LinuxResources
from wharf.schema.host_config import HostConfig


def _memory(host: HostConfig) -> dict[str, object]:
    memory: dict[str, object] = {}
    if host.memory > 0:
        memory["limit"] = host.memory
        memory["swap"] = host.memory_swap or 2 * host.memory
    if host.memory_reservation > 0:
        memory["reservation"] = host.memory_reservation
    if host.memory_swappiness is not None and host.memory_swappiness >= 0:
        memory["swappiness"] = host.memory_swappiness
    if host.kernel_memory_tcp > 0:
        memory["kernelTCP"] = host.kernel_memory_tcp
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


def _block_io(host: HostConfig) -> dict[str, object]:
    made: dict[str, object] = {}
    if host.blkio_weight:
        made["weight"] = host.blkio_weight
    if host.blkio_weight_device:
        made["weightDevice"] = [
            {**_numbers(device.path), "weight": device.weight} for device in host.blkio_weight_device
        ]
    throttles = {
        "throttleReadBpsDevice": host.blkio_device_read_bps,
        "throttleWriteBpsDevice": host.blkio_device_write_bps,
        "throttleReadIOPSDevice": host.blkio_device_read_iops,
        "throttleWriteIOPSDevice": host.blkio_device_write_iops,
    }
    for name, devices in throttles.items():
        if devices:
            made[name] = [{**_numbers(device.path), "rate": device.rate} for device in devices]
    return made


def _numbers(path: str) -> dict[str, int]:
    try:
        found = os.stat(path)
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) and error.strerror else "invalid argument"
        raise Internal(f"stat {path}: {words.lower()}") from error
    return {"major": os.major(found.st_rdev), "minor": os.minor(found.st_rdev)}


def resources(host: HostConfig, devices: Sequence[DeviceRule]) -> LinuxResources:
    """Return the limits of `host` as OCI resources; what is not limited is absent."""
    made: dict[str, object] = {"devices": list(devices)}
    if memory := _memory(host):
        made["memory"] = memory
    if cpu := _cpu(host):
        made["cpu"] = cpu
    if host.pids_limit is not None and host.pids_limit > 0:
        made["pids"] = {"limit": host.pids_limit}
    if block_io := _block_io(host):
        made["blockIO"] = block_io
    return made  # type: ignore[return-value]  # built key by key from the same names
