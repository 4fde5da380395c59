"""What a cgroup v2 has used, under the names of Docker's stats (GET /containers/{id}/stats)."""

from wharf.linux.cgroup import directory
from wharf.linux.cgroup.v1_stats import pids

_NS_PER_US = 1000
_REPORTED = frozenset(
    {
        "anon",
        "file",
        "kernel_stack",
        "slab",
        "sock",
        "shmem",
        "file_mapped",
        "file_dirty",
        "file_writeback",
        "anon_thp",
        "inactive_anon",
        "active_anon",
        "inactive_file",
        "active_file",
        "unevictable",
        "slab_reclaimable",
        "slab_unreclaimable",
        "pgfault",
        "pgmajfault",
        "workingset_refault",
        "workingset_activate",
        "workingset_nodereclaim",
        "pgrefill",
        "pgscan",
        "pgsteal",
        "pgactivate",
        "pgdeactivate",
        "pglazyfree",
        "pglazyfreed",
        "thp_fault_alloc",
        "thp_collapse_alloc",
    }
)


def read(at: str) -> dict[str, object]:
    """Return `cpu_stats`, `memory_stats`, `blkio_stats` and `pids_stats`, of the controllers that are there.

    Times are nanoseconds, sizes bytes. cpu.stat is always there; it has no figures for each processor.
    """
    stats: dict[str, object] = {"cpu_stats": _cpu(at)}
    controllers = directory.read(at, "cgroup.controllers").split()
    if "memory" in controllers:
        stats["memory_stats"] = _memory(at)
    if "io" in controllers:
        stats["blkio_stats"] = _block(at)
    if "pids" in controllers:
        stats["pids_stats"] = pids(at)
    return stats


def _cpu(at: str) -> dict[str, object]:
    table = directory.read_table(at, "cpu.stat")
    return {
        "cpu_usage": {
            "total_usage": table.get("usage_usec", 0) * _NS_PER_US,
            "usage_in_kernelmode": table.get("system_usec", 0) * _NS_PER_US,
            "usage_in_usermode": table.get("user_usec", 0) * _NS_PER_US,
        },
        "throttling_data": {
            "periods": table.get("nr_periods", 0),
            "throttled_periods": table.get("nr_throttled", 0),
            "throttled_time": table.get("throttled_usec", 0) * _NS_PER_US,
        },
    }


def _memory(at: str) -> dict[str, object]:
    """Return `memory_stats`; `failcnt` counts how often the limit was reached, no `limit` means none."""
    table = directory.read_table(at, "memory.stat")
    numbers: dict[str, object] = {
        "usage": directory.read_number(at, "memory.current"),
        "failcnt": directory.read_table(at, "memory.events").get("oom", 0),
        "stats": {key: number for key, number in table.items() if key in _REPORTED},
    }
    if (limit := directory.read_number(at, "memory.max")) is not None:
        numbers["limit"] = limit
    return numbers


def _block(at: str) -> dict[str, object]:
    """Return `blkio_stats` from io.stat, whose lines are `MAJOR:MINOR rbytes=N wbytes=N ...`."""
    entries: list[dict[str, object]] = []
    for line in directory.read(at, "io.stat").splitlines():
        number, *pairs = line.split()
        major, colon, minor = number.partition(":")
        if not colon:
            continue
        values = dict(pair.split("=", 1) for pair in pairs)
        for op, key in (("read", "rbytes"), ("write", "wbytes")):
            value = int(values.get(key, 0))
            entries.append({"major": int(major), "minor": int(minor), "op": op, "value": value})
    return {"io_service_bytes_recursive": entries}
