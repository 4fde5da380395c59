"""The limits of a container, checked against the kernel: refused, or discarded with a warning.

All in dockerd's order and words; `create` and `update` share it.
"""

from typing import Any

import msgspec

from wharf.engine.containers.limit_support import LimitSupport
from wharf.errors import InvalidParameter
from wharf.schema.host_config import HostConfig

MINIMUM_MEMORY = 6 * 1024 * 1024
_MOST_CPUS = 8192
_LACKS = "Your kernel does not support"
_NOT_MOUNTED = "or the cgroup is not mounted"


def check(host: HostConfig, kernel: LimitSupport, *, is_update: bool = False) -> tuple[HostConfig, list[str]]:
    """Return `host` without the limits that the kernel does not know, and a warning for each.

    Raises InvalidParameter where a limit cannot be.
    """
    changes: dict[str, Any] = {}
    warnings: list[str] = []
    if host.memory_swappiness == -1:
        changes["memory_swappiness"] = None
        host = msgspec.structs.replace(host, memory_swappiness=None)
    _memory(host, kernel, changes, warnings, is_update=is_update)
    _processes(host, kernel, changes, warnings)
    _cpu(host, kernel, changes, warnings)
    _cpuset(host, kernel, changes, warnings)
    _blkio(host, kernel, changes, warnings)
    return (msgspec.structs.replace(host, **changes) if changes else host), warnings


def _memory(
    host: HostConfig, kernel: LimitSupport, changes: dict[str, Any], warnings: list[str], *, is_update: bool
) -> None:
    memory, swap, reservation = host.memory, host.memory_swap, host.memory_reservation
    if memory != 0 and memory < MINIMUM_MEMORY:
        raise InvalidParameter("Minimum memory limit allowed is 6MB")
    if memory > 0 and not kernel.memory:
        warnings.append(f"{_LACKS} memory limit capabilities {_NOT_MOUNTED}. Limitation discarded.")
        memory, swap = 0, -1
    if memory > 0 and swap != -1 and not kernel.swap:
        warnings.append(f"{_LACKS} swap limit capabilities {_NOT_MOUNTED}. Memory limited without swap.")
        swap = -1
    if memory > 0 and 0 < swap < memory:
        raise InvalidParameter("Minimum memoryswap limit should be larger than memory limit, see usage")
    if memory == 0 and swap > 0 and not is_update:
        raise InvalidParameter(
            "You should always set the Memory limit when using Memoryswap limit, see usage"
        )
    if host.memory_swappiness is not None:
        if not kernel.swappiness:
            warnings.append(
                f"{_LACKS} memory swappiness capabilities {_NOT_MOUNTED}. Memory swappiness discarded."
            )
            changes["memory_swappiness"] = None
        elif not 0 <= host.memory_swappiness <= 100:
            raise InvalidParameter(
                f"Invalid value: {host.memory_swappiness}, valid memory swappiness range is 0-100"
            )
    if reservation > 0 and not kernel.reservation:
        warnings.append(f"{_LACKS} memory soft limit capabilities {_NOT_MOUNTED}. Limitation discarded.")
        reservation = 0
    if 0 < reservation < MINIMUM_MEMORY:
        raise InvalidParameter("Minimum memory reservation allowed is 6MB")
    if 0 < memory < reservation:
        raise InvalidParameter(
            "Minimum memory limit can not be less than memory reservation limit, see usage"
        )
    if 0 < host.kernel_memory < MINIMUM_MEMORY:
        raise InvalidParameter("Minimum kernel memory limit allowed is 6MB")
    if (memory, swap, reservation) != (host.memory, host.memory_swap, host.memory_reservation):
        changes |= {"memory": memory, "memory_swap": swap, "memory_reservation": reservation}
    if host.oom_kill_disable is not None and not kernel.oom_kill_disable:
        if host.oom_kill_disable:
            warnings.append(f"{_LACKS} OomKillDisable. OomKillDisable discarded.")
        changes["oom_kill_disable"] = None
    elif host.oom_kill_disable and memory == 0:
        warnings.append(
            "OOM killer is disabled for the container, but no memory limit is set, this can result in the "
            "system running out of resources."
        )


def _processes(host: HostConfig, kernel: LimitSupport, changes: dict[str, Any], warnings: list[str]) -> None:
    if host.pids_limit is None or kernel.pids:
        return
    if host.pids_limit > 0:
        warnings.append(f"{_LACKS} PIDs limit capabilities {_NOT_MOUNTED}. PIDs limit discarded.")
    changes["pids_limit"] = None


def _cpu(host: HostConfig, kernel: LimitSupport, changes: dict[str, Any], warnings: list[str]) -> None:
    if host.nano_cpus > 0 and host.cpu_period > 0:
        raise InvalidParameter("Conflicting options: Nano CPUs and CPU Period cannot both be set")
    if host.nano_cpus > 0 and host.cpu_quota > 0:
        raise InvalidParameter("Conflicting options: Nano CPUs and CPU Quota cannot both be set")
    if host.nano_cpus > 0 and not kernel.cpu_cfs:
        raise InvalidParameter(
            "NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is "
            "not mounted"
        )
    if not 0 <= host.nano_cpus <= kernel.cpu_count * 1_000_000_000:
        raise InvalidParameter(
            f"range of CPUs is from 0.01 to {kernel.cpu_count}.00, as there are only {kernel.cpu_count} "
            "CPUs available"
        )
    if host.cpu_shares < 0:
        raise InvalidParameter(f"invalid CPU shares ({host.cpu_shares}): value must be a positive integer")
    if host.cpu_shares > 0 and not kernel.cpu_shares:
        warnings.append(f"{_LACKS} CPU shares {_NOT_MOUNTED}. Shares discarded.")
        changes["cpu_shares"] = 0
    if (host.cpu_period or host.cpu_quota) and not kernel.cpu_cfs:
        warnings.append(f"{_LACKS} CPU CFS scheduler. CPU period/quota discarded.")
        changes |= {"cpu_period": 0, "cpu_quota": 0}
    elif host.cpu_period != 0 and not 1000 <= host.cpu_period <= 1_000_000:
        raise InvalidParameter(
            "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)"
        )
    elif 0 < host.cpu_quota < 1000:
        raise InvalidParameter("CPU cfs quota can not be less than 1ms (i.e. 1000)")
    if host.cpu_percent > 0:
        warnings.append("linux does not support CPU percent. Percent discarded.")
        changes["cpu_percent"] = 0


def _cpuset(host: HostConfig, kernel: LimitSupport, changes: dict[str, Any], warnings: list[str]) -> None:
    if not kernel.cpus:
        if host.cpuset_cpus or host.cpuset_mems:
            warnings.append(f"{_LACKS} cpuset {_NOT_MOUNTED}. CPUset discarded.")
            changes |= {"cpuset_cpus": "", "cpuset_mems": ""}
        return
    for asked, what in ((host.cpuset_cpus, "cpus"), (host.cpuset_mems, "mems")):
        try:
            numbers = read_list(asked)
        except ValueError as error:
            raise InvalidParameter(f"Invalid value {asked} for cpuset {what}: {error}") from None
        if what == "cpus" and not numbers <= read_list(kernel.cpus):  # memory nodes are the kernel's to check
            raise InvalidParameter(
                f"Requested CPUs are not available - requested {asked}, available: {kernel.cpus}"
            )


def read_list(text: str) -> set[int]:
    """Return the numbers of a list as cpuset(7) writes it (`0-3,7`); raises ValueError in dockerd's words."""
    numbers: set[int] = set()
    for part in text.split(",") if text else ():
        first, dash, last = part.partition("-")
        ends = (first, last) if dash else (first,)
        if not all(end.isascii() and end.isdigit() for end in ends):
            raise ValueError(f"invalid format: {text}")
        low, high = int(first), int(ends[-1])
        if high < low:
            raise ValueError(f"invalid format: {text}")
        if high > _MOST_CPUS:
            raise ValueError(f"value of out range, maximum is {_MOST_CPUS}")
        numbers.update(range(low, high + 1))
    return numbers


def _blkio(host: HostConfig, kernel: LimitSupport, changes: dict[str, Any], warnings: list[str]) -> None:
    if host.blkio_weight > 0 and not kernel.blkio_weight:
        warnings.append(f"{_LACKS} Block I/O weight {_NOT_MOUNTED}. Weight discarded.")
        changes["blkio_weight"] = 0
    elif host.blkio_weight and not 10 <= host.blkio_weight <= 1000:
        raise InvalidParameter("Range of blkio weight is from 10 to 1000")
    if host.blkio_weight_device and not kernel.blkio_weight_device:
        warnings.append(f"{_LACKS} Block I/O weight_device {_NOT_MOUNTED}. Weight-device discarded.")
        changes["blkio_weight_device"] = []
    if kernel.blkio_throttle:
        return
    for field, what, discarded in (
        ("blkio_device_read_bps", "BPS Block I/O read limit", "Block I/O BPS read limit"),
        ("blkio_device_write_bps", "BPS Block I/O write limit", "Block I/O BPS write limit"),
        ("blkio_device_read_iops", "IOPS Block read limit", "Block I/O IOPS read limit"),
        ("blkio_device_write_iops", "IOPS Block write limit", "Block I/O IOPS write limit"),
    ):
        if getattr(host, field):
            warnings.append(f"{_LACKS} {what} {_NOT_MOUNTED}. {discarded} discarded.")
            changes[field] = []
