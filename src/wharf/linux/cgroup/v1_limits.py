"""Limits of a cgroup v1: which control file each OCI resource goes to, and in which order.

Kernel: Documentation/admin-guide/cgroup-v1/*.rst. The orders of the writes are runc's answers to the kernel's
checks of one value against another.
"""

import errno
import os
from collections.abc import Callable

from wharf.linux.cgroup import directory
from wharf.linux.cgroup.resources import BlockIO, Cpu, LinuxResources, Memory, NetworkClass, RdmaLimit

Folder = Callable[[str], str]
"""Gives the directory of a controller; raises OSError naming a controller that is not mounted."""

_UNLIMITED = -1


def apply(folder: Folder, resources: LinuxResources) -> None:
    """Write every limit that `resources` asks for; devices are not among them.

    Raises OSError with the control file, or with the controller that is missing.
    """
    if memory := resources.get("memory"):
        _memory(folder, memory)
    if cpu := resources.get("cpu"):
        _cpuset(folder, cpu)
        _cpu(folder, cpu)
    if (pids := resources.get("pids")) and (limit := pids["limit"]):
        directory.write(folder("pids"), "pids.max", limit if limit > 0 else "max")
    if block := resources.get("blockIO"):
        _block(folder, block)
    for huge in resources.get("hugepageLimits") or ():
        _huge_pages(folder("hugetlb"), huge["pageSize"], huge["limit"])
    if network := resources.get("network"):
        _network(folder, network)
    for name, rdma in (resources.get("rdma") or {}).items():
        directory.write(folder("rdma"), "rdma.max", rdma_line(name, rdma))
    if resources.get("unified"):
        raise OSError(errno.EINVAL, "unified resources need cgroup v2")


def rdma_line(name: str, limit: RdmaLimit) -> str:
    """Return the line of rdma.max for device `name`, in both versions."""
    handles, objects = limit.get("hcaHandles"), limit.get("hcaObjects")
    words = [name]
    if handles is not None:
        words.append(f"hca_handle={handles}")
    if objects is not None:
        words.append(f"hca_object={objects}")
    return " ".join(words)


def _memory(folder: Folder, memory: Memory) -> None:
    limit, swap = memory.get("limit") or 0, memory.get("swap") or 0
    if limit == _UNLIMITED and not swap:
        swap = _UNLIMITED
    at = ""
    if limit or swap or memory.get("reservation") or memory.get("kernelTCP"):
        at = folder("memory")
    if limit > 0 and memory.get("checkBeforeUpdate"):
        usage = directory.read_number(at, "memory.usage_in_bytes") or 0
        if usage > limit:
            raise OSError(errno.EBUSY, f"rejecting memory limit {limit} < usage {usage}", at)
    # The kernel holds limit <= limit with swap at each write: what grows goes first.
    swap_first = bool(swap and limit) and (
        swap == _UNLIMITED or (directory.read_number(at, "memory.limit_in_bytes") or 0) < swap
    )
    if swap and swap_first:
        directory.write(at, "memory.memsw.limit_in_bytes", swap)
    if limit:
        _memory_limit(at, limit)
    if swap and not swap_first:
        directory.write(at, "memory.memsw.limit_in_bytes", swap)
    if reservation := memory.get("reservation"):
        directory.write(at, "memory.soft_limit_in_bytes", reservation)
    if kernel_tcp := memory.get("kernelTCP"):
        directory.write(at, "memory.kmem.tcp.limit_in_bytes", kernel_tcp)
    if memory.get("disableOOMKiller"):
        directory.write(folder("memory"), "memory.oom_control", 1)
    swappiness = memory.get("swappiness")
    if swappiness is not None and swappiness != -1:
        if not 0 <= swappiness <= 100:
            raise OSError(
                errno.EINVAL, f"invalid memory swappiness value: {swappiness} (valid range is 0-100)"
            )
        directory.write(folder("memory"), "memory.swappiness", swappiness)


def _memory_limit(at: str, limit: int) -> None:
    """Set the limit; a cgroup that uses more and cannot be reclaimed gets the figures into its error."""
    try:
        directory.write(at, "memory.limit_in_bytes", limit)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        usage = directory.read(at, "memory.usage_in_bytes")
        peak = directory.read(at, "memory.max_usage_in_bytes")
        text = f"unable to set memory limit to {limit} (current usage: {usage}, peak usage: {peak})"
        raise OSError(errno.EBUSY, text, at) from None


def _cpuset(folder: Folder, cpu: Cpu) -> None:
    if cpus := cpu.get("cpus"):
        directory.write(folder("cpuset"), "cpuset.cpus", cpus)
    if mems := cpu.get("mems"):
        directory.write(folder("cpuset"), "cpuset.mems", mems)


def _cpu(folder: Folder, cpu: Cpu) -> None:
    if shares := cpu.get("shares"):
        at = folder("cpu")
        directory.write(at, "cpu.shares", shares)
        # The kernel clamps in silence; runc and Docker refuse what was clamped.
        taken = directory.read_number(at, "cpu.shares") or 0
        if taken != shares:
            bound = "maximum" if shares > taken else "minimum"
            raise OSError(errno.EINVAL, f"the {bound} allowed cpu-shares is {taken}", f"{at}/cpu.shares")
    quota, period, burst = cpu.get("quota") or 0, cpu.get("period") or 0, cpu.get("burst")
    if quota or period or burst is not None:
        _bandwidth(folder("cpu"), quota, period, burst)
    if (idle := cpu.get("idle")) is not None:
        directory.write(folder("cpu"), "cpu.idle", idle)
    if rt_period := cpu.get("realtimePeriod"):
        directory.write(folder("cpu"), "cpu.rt_period_us", rt_period)
    if rt_runtime := cpu.get("realtimeRuntime"):
        directory.write(folder("cpu"), "cpu.rt_runtime_us", rt_runtime)


def _bandwidth(at: str, quota: int, period: int, burst: int | None) -> None:
    """Set period, burst and quota, in microseconds.

    The kernel checks each against the others as they stand (the old quota in a shorter period may pass the
    parent's share; burst must not pass quota): what is refused before the quota is tried again after it.
    """
    again: list[tuple[str, int]] = []
    for name, value in (("cpu.cfs_period_us", period or None), ("cpu.cfs_burst_us", burst)):
        if value is None:
            continue
        try:
            directory.write(at, name, value)
        except OSError as error:
            if error.errno != errno.EINVAL or not quota:
                raise
            again.append((name, value))
    if quota:
        directory.write(at, "cpu.cfs_quota_us", quota)
    for name, value in again:
        directory.write(at, name, value)


def _block(folder: Folder, block: BlockIO) -> None:
    if any(block.values()):
        at = folder("blkio")
    else:
        return
    scheduler = "blkio.bfq" if directory.exists(at, "blkio.bfq.weight") else "blkio"
    if weight := block.get("weight"):
        directory.write(at, f"{scheduler}.weight", weight)
    if leaf := block.get("leafWeight"):
        directory.write(at, "blkio.leaf_weight", leaf)
    for device in block.get("weightDevice") or ():
        number = f"{device['major']}:{device['minor']}"
        if weight := device.get("weight"):
            directory.write(at, f"{scheduler}.weight_device", f"{number} {weight}")
        if leaf := device.get("leafWeight"):
            directory.write(at, "blkio.leaf_weight_device", f"{number} {leaf}")
    for rates, name in (
        (block.get("throttleReadBpsDevice"), "read_bps_device"),
        (block.get("throttleWriteBpsDevice"), "write_bps_device"),
        (block.get("throttleReadIOPSDevice"), "read_iops_device"),
        (block.get("throttleWriteIOPSDevice"), "write_iops_device"),
    ):
        for rate in rates or ():
            line = f"{rate['major']}:{rate['minor']} {rate['rate']}"
            directory.write(at, f"blkio.throttle.{name}", line)


def _huge_pages(at: str, size: str, limit: int) -> None:
    if not size.isalnum():
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), size)
    directory.write(at, f"hugetlb.{size}.limit_in_bytes", limit)
    reserved = f"hugetlb.{size}.rsvd.limit_in_bytes"
    if directory.exists(at, reserved):  # Linux 5.7
        directory.write(at, reserved, limit)


def _network(folder: Folder, network: NetworkClass) -> None:
    if class_id := network.get("classID"):
        directory.write(folder("net_cls"), "net_cls.classid", class_id)
    for priority in network.get("priorities") or ():
        directory.write(
            folder("net_prio"), "net_prio.ifpriomap", f"{priority['name']} {priority['priority']}"
        )
