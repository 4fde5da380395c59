"""Limits of a cgroup v2: OCI resources, which speak v1, as control files of the unified tree.

Kernel: admin-guide/cgroup-v2.rst. The conversions are runc's (1.3.2 and later); v1 notions that v2 has not
(swappiness, disabling the OOM killer, real-time shares, network classes) are left out, as there.
"""

import errno
import math
import os

from wharf.linux.cgroup import directory
from wharf.linux.cgroup.resources import BlockIO, Cpu, LinuxResources, Memory
from wharf.linux.cgroup.v1_limits import rdma_line

_UNLIMITED = -1
_DEFAULT_PERIOD_US = 100_000


def apply(at: str, resources: LinuxResources) -> None:
    """Write every limit that `resources` asks for to the cgroup `at`; devices are not among them.

    Raises OSError with the control file, or with the controller that is missing.
    """
    if (pids := resources.get("pids")) and (limit := pids["limit"]):
        _write(at, "pids.max", _or_max(limit))
    if memory := resources.get("memory"):
        _memory(at, memory)
    if block := resources.get("blockIO"):
        _block(at, block)
    if cpu := resources.get("cpu"):
        _cpu(at, cpu)
    for huge in resources.get("hugepageLimits") or ():
        _huge_pages(at, huge["pageSize"], huge["limit"])
    for name, rdma in (resources.get("rdma") or {}).items():
        _write(at, "rdma.max", rdma_line(name, rdma))
    for name, value in (resources.get("unified") or {}).items():
        _unified(at, name, value)


def weight_of_shares(shares: int) -> int:
    """Return the cpu.weight (1..10000) for v1's cpu.shares (2..262144): 1, 100, 10000 for 2, 1024, 262144."""
    if shares <= 2:
        return 1
    if shares >= 262144:
        return 10000
    doublings = math.log2(shares)
    return math.ceil(10 ** ((doublings * doublings + 125 * doublings) / 612 - 7 / 34))


def swap_limit(memory: int, swap: int) -> int:
    """Return memory.swap.max for OCI's limit of memory plus swap; 0 means unset, -1 no limit.

    Raises OSError (EINVAL) for a swap limit without, or below, a memory limit.
    """
    if memory == _UNLIMITED and not swap:
        return _UNLIMITED
    if swap in (0, _UNLIMITED):
        return swap
    if memory in (0, _UNLIMITED):
        raise OSError(errno.EINVAL, "unable to set swap limit without memory limit")
    if memory < 0:
        raise OSError(errno.EINVAL, f"invalid memory value: {memory}")
    if swap < memory:
        raise OSError(errno.EINVAL, "memory+swap limit should be >= memory limit")
    return swap - memory


def _or_max(limit: int) -> str:
    return str(limit) if limit > 0 else "max"


def _write(at: str, name: str, value: str | int) -> None:
    """Write a limit; where its file is missing because its controller is, the error names the controller."""
    try:
        directory.write(at, name, value)
    except (FileNotFoundError, PermissionError):
        controller = name.partition(".")[0]
        if controller != "cgroup" and controller not in directory.read(at, "cgroup.controllers").split():
            raise directory.missing_controller(controller) from None
        raise


def _memory(at: str, memory: Memory) -> None:
    limit, swap = memory.get("limit") or 0, memory.get("swap") or 0
    swap_max = swap_limit(limit, swap)
    if limit > 0 and memory.get("checkBeforeUpdate"):
        usage = directory.read_number(at, "memory.current") or 0
        if usage > limit:
            raise OSError(errno.EBUSY, f"rejecting memory limit {limit} < usage {usage}", at)
    if swap_max or swap > 0:
        try:
            _write(at, "memory.swap.max", "0" if swap_max == 0 else _or_max(swap_max))
        except FileNotFoundError:
            # A kernel without swap has no such file: "none" and "no limit" hold there already.
            if swap_max > 0:
                raise
    if limit:
        _write(at, "memory.max", _or_max(limit))
    if reservation := memory.get("reservation"):
        _write(at, "memory.low", _or_max(reservation))


def _cpu(at: str, cpu: Cpu) -> None:
    if (idle := cpu.get("idle")) is not None:
        _write(at, "cpu.idle", idle)
    if (shares := cpu.get("shares")) and not idle:  # an idle cgroup has no weight
        _write(at, "cpu.weight", weight_of_shares(shares))
    quota, period, burst = cpu.get("quota") or 0, cpu.get("period") or 0, cpu.get("burst")
    burst_later = False
    if burst is not None:
        try:
            _write(at, "cpu.max.burst", burst)
        except OSError as error:  # more than the quota as it stands
            if error.errno != errno.EINVAL or not quota:
                raise
            burst_later = True
    if quota or period:
        _write(at, "cpu.max", f"{_or_max(quota)} {period or _DEFAULT_PERIOD_US}")
    if burst_later and burst is not None:
        _write(at, "cpu.max.burst", burst)
    if cpus := cpu.get("cpus"):
        _write(at, "cpuset.cpus", cpus)
    if mems := cpu.get("mems"):
        _write(at, "cpuset.mems", mems)


def _block(at: str, block: BlockIO) -> None:
    bfq = directory.exists(at, "io.bfq.weight")
    if weight := block.get("weight"):
        if bfq:
            _write(at, "io.bfq.weight", weight)
        else:
            _write(at, "io.weight", f"default {1 + (weight - 10) * 9999 // 990}")
    for device in block.get("weightDevice") or ():
        if weight := device.get("weight"):
            _write(at, "io.bfq.weight", f"{device['major']}:{device['minor']} {weight}")
    for rates, key in (
        (block.get("throttleReadBpsDevice"), "rbps"),
        (block.get("throttleWriteBpsDevice"), "wbps"),
        (block.get("throttleReadIOPSDevice"), "riops"),
        (block.get("throttleWriteIOPSDevice"), "wiops"),
    ):
        for rate in rates or ():
            _write(at, "io.max", f"{rate['major']}:{rate['minor']} {key}={rate['rate']}")


def _huge_pages(at: str, size: str, limit: int) -> None:
    if not size.isalnum():
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), size)
    _write(at, f"hugetlb.{size}.max", limit)
    if directory.exists(at, f"hugetlb.{size}.rsvd.max"):
        _write(at, f"hugetlb.{size}.rsvd.max", limit)


def _unified(at: str, name: str, value: str) -> None:
    """Write a file named by the spec itself (OCI "unified"); one value a line where it has several."""
    if "/" in name or name.startswith("."):
        raise OSError(errno.EINVAL, f"unified resource {name!r} must be a file name (no slashes)")
    for line in value.splitlines() or [value]:
        _write(at, name, line)
