"""What a cgroup v1 has used, under the names of Docker's stats (GET /containers/{id}/stats)."""

import os
from collections.abc import Mapping

from wharf.linux.cgroup import directory

_NS_PER_S = 1_000_000_000
_MEMORY_KEYS = (
    "cache",
    "rss",
    "rss_huge",
    "mapped_file",
    "dirty",
    "writeback",
    "pgpgin",
    "pgpgout",
    "pgfault",
    "pgmajfault",
    "inactive_anon",
    "active_anon",
    "inactive_file",
    "active_file",
    "unevictable",
)
_REPORTED = frozenset(
    (
        *_MEMORY_KEYS,
        *(f"total_{key}" for key in _MEMORY_KEYS),
        "hierarchical_memory_limit",
        "hierarchical_memsw_limit",
    )
)


def read(folders: Mapping[str, str]) -> dict[str, object]:
    """Return `cpu_stats`, `memory_stats`, `blkio_stats` and `pids_stats`, of the controllers in `folders`.

    Times are nanoseconds, sizes bytes. What belongs to the whole machine (`system_cpu_usage`, `online_cpus`)
    or to the network is not here.
    """
    stats: dict[str, object] = {}
    if "cpuacct" in folders:
        stats["cpu_stats"] = _cpu(folders["cpuacct"], folders.get("cpu"))
    if "memory" in folders:
        stats["memory_stats"] = _memory(folders["memory"])
    if "blkio" in folders:
        stats["blkio_stats"] = _block(folders["blkio"])
    if "pids" in folders:
        stats["pids_stats"] = pids(folders["pids"])
    return stats


def pids(at: str) -> dict[str, object]:
    """Return `pids_stats`, which both versions have under the same names; no `limit` when there is none."""
    numbers: dict[str, object] = {"current": directory.read_number(at, "pids.current")}
    if (limit := directory.read_number(at, "pids.max")) is not None:
        numbers["limit"] = limit
    return numbers


def _cpu(cpuacct: str, cpu: str | None) -> dict[str, object]:
    tick_ns = _NS_PER_S // os.sysconf("SC_CLK_TCK")
    ticks = directory.read_table(cpuacct, "cpuacct.stat")
    throttled = {} if cpu is None else directory.read_table(cpu, "cpu.stat")
    return {
        "cpu_usage": {
            "total_usage": directory.read_number(cpuacct, "cpuacct.usage"),
            "percpu_usage": [int(word) for word in directory.read(cpuacct, "cpuacct.usage_percpu").split()],
            "usage_in_kernelmode": ticks.get("system", 0) * tick_ns,
            "usage_in_usermode": ticks.get("user", 0) * tick_ns,
        },
        "throttling_data": {
            "periods": throttled.get("nr_periods", 0),
            "throttled_periods": throttled.get("nr_throttled", 0),
            "throttled_time": throttled.get("throttled_time", 0),
        },
    }


def _memory(at: str) -> dict[str, object]:
    table = directory.read_table(at, "memory.stat")
    return {
        "usage": directory.read_number(at, "memory.usage_in_bytes"),
        "max_usage": directory.read_number(at, "memory.max_usage_in_bytes"),
        "failcnt": directory.read_number(at, "memory.failcnt"),
        "limit": directory.read_number(at, "memory.limit_in_bytes"),
        "stats": {key: number for key, number in table.items() if key in _REPORTED},
    }


def _block(at: str) -> dict[str, object]:
    return {
        "io_service_bytes_recursive": _per_device(at, "io_service_bytes"),
        "io_serviced_recursive": _per_device(at, "io_serviced"),
        "io_queue_recursive": [],
        "io_service_time_recursive": [],
        "io_wait_time_recursive": [],
        "io_merged_recursive": [],
        "io_time_recursive": [],
        "sectors_recursive": [],
    }


def _per_device(at: str, what: str) -> list[dict[str, object]]:
    """Return the lines `MAJOR:MINOR Operation number` of a throttle file; the last, a sum, is left out."""
    name = f"blkio.throttle.{what}_recursive"
    if not directory.exists(at, name):  # before Linux 5.2
        name = f"blkio.throttle.{what}"
    entries: list[dict[str, object]] = []
    for line in directory.read(at, name).splitlines():
        words = line.split(" ")
        if len(words) == 3:
            major, _, minor = words[0].partition(":")
            entries.append({"major": int(major), "minor": int(minor), "op": words[1], "value": int(words[2])})
    return entries
