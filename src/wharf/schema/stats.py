"""What a container uses: the answer to `GET /containers/{id}/stats`. Names on the wire are in snake case.

Times are nanoseconds, sizes bytes; what the kernel's cgroup version does not count is left out, or null.
"""

from wharf.schema.struct import Struct, omit, zero
from wharf.schema.timestamp import ZERO


class PidsStats(Struct, rename=str):
    """Processes and threads; `limit` is left out where there is none."""

    current: int = omit(0)
    limit: int = omit(0)


class BlkioEntry(Struct, rename=str):
    """A figure of one block device; `op` is Read, Write and the like."""

    major: int = 0
    minor: int = 0
    op: str = ""
    value: int = 0


BlkioEntries = list[BlkioEntry] | None


class BlkioStats(Struct, rename=str):
    """Block I/O; only the first two are counted on cgroup v1, only the first one on v2."""

    io_service_bytes_recursive: BlkioEntries = None
    io_serviced_recursive: BlkioEntries = None
    io_queue_recursive: BlkioEntries = None
    io_service_time_recursive: BlkioEntries = None
    io_wait_time_recursive: BlkioEntries = None
    io_merged_recursive: BlkioEntries = None
    io_time_recursive: BlkioEntries = None
    sectors_recursive: BlkioEntries = None


class CpuUsage(Struct, rename=str):
    """Time on processors; cgroup v2 has no figures for each of them."""

    total_usage: int = 0
    percpu_usage: list[int] = omit([])
    usage_in_kernelmode: int = 0
    usage_in_usermode: int = 0


class ThrottlingData(Struct, rename=str):
    """How often, and how long, the CPU limit held the container back."""

    periods: int = 0
    throttled_periods: int = 0
    throttled_time: int = 0


class CpuStats(Struct, rename=str):
    """Time used, beside that of the whole machine (`system_cpu_usage`)."""

    cpu_usage: CpuUsage = zero(CpuUsage)
    system_cpu_usage: int = omit(0)
    online_cpus: int = omit(0)
    throttling_data: ThrottlingData = zero(ThrottlingData)


class MemoryStats(Struct, rename=str):
    """Memory; `stats` are the kernel's own figures, whose names differ between cgroup v1 and v2."""

    usage: int = omit(0)
    max_usage: int = omit(0)
    stats: dict[str, int] = omit({})
    failcnt: int = omit(0)
    limit: int = omit(0)


class NetworkStats(Struct, rename=str):
    """What went through one interface, as the container sees it."""

    rx_bytes: int = 0
    rx_packets: int = 0
    rx_errors: int = 0
    rx_dropped: int = 0
    tx_bytes: int = 0
    tx_packets: int = 0
    tx_errors: int = 0
    tx_dropped: int = 0


class ContainerStats(Struct, rename=str):
    """One look at a container; `precpu_stats` and `preread` are those of the look before."""

    name: str = omit("")
    id: str = omit("")
    read: str = ZERO
    preread: str = ZERO
    pids_stats: PidsStats = zero(PidsStats)
    blkio_stats: BlkioStats = zero(BlkioStats)
    num_procs: int = 0
    storage_stats: dict[str, int] = zero(dict)
    cpu_stats: CpuStats = zero(CpuStats)
    precpu_stats: CpuStats = zero(CpuStats)
    memory_stats: MemoryStats = zero(MemoryStats)
    networks: dict[str, NetworkStats] = omit({})
