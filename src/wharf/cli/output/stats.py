"""What a container uses, in the columns of `stats`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wharf.cli.output.text import short_id
from wharf.cli.output.units import bytes_size, human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.client.shapes import ContainerStats, CpuStats

_UNKNOWN = "--"


class StatsRow:
    """One container's line; `look` is the last that was heard of it, `is_stale` that it has fallen silent."""

    __slots__ = ("asked", "is_stale", "look")

    def __init__(self, asked: str) -> None:
        self.asked = asked
        self.look: ContainerStats = {}
        self.is_stale = False

    def columns(self, *, no_trunc: bool) -> Mapping[str, Callable[..., object]]:
        """Return every column by its name."""
        identifier = self.look.get("id", "")
        return {
            "Container": lambda: self.asked,
            "Name": lambda: self.look.get("name", "")[1:] or _UNKNOWN,
            "ID": lambda: identifier if no_trunc else short_id(identifier),
            "CPUPerc": lambda: self._known(f"{cpu_percent(self.look):.2f}%"),
            "MemUsage": self._memory,
            "MemPerc": lambda: self._known(f"{memory_percent(self.look):.2f}%"),
            "NetIO": lambda: self._known(_in_and_out(*traffic(self.look))),
            "BlockIO": lambda: self._known(_in_and_out(*block_io(self.look))),
            "PIDs": lambda: self._known(str(self.look.get("pids_stats", {}).get("current", 0))),
        }

    def _known(self, text: str) -> str:
        return _UNKNOWN if self.is_stale or not self.look else text

    def _memory(self) -> str:
        if self.is_stale or not self.look:
            return f"{_UNKNOWN} / {_UNKNOWN}"
        limit = self.look.get("memory_stats", {}).get("limit", 0)
        return f"{bytes_size(memory_used(self.look))} / {bytes_size(limit)}"


def _in_and_out(received: int, sent: int) -> str:
    return f"{human_size(received, 3)} / {human_size(sent, 3)}"


def _spent(stats: CpuStats) -> tuple[int, int]:
    """Return the nanoseconds of the container and of the machine."""
    used = stats.get("cpu_usage", {}).get("total_usage", 0)
    assert isinstance(used, int)
    return used, stats.get("system_cpu_usage", 0)


def cpu_percent(look: ContainerStats) -> float:
    """Return how much of one processor was used since the look before."""
    now = look.get("cpu_stats", {})
    used, machine = _spent(now)
    used_before, machine_before = _spent(look.get("precpu_stats", {}))
    used, machine = used - used_before, machine - machine_before
    per_processor = now.get("cpu_usage", {}).get("percpu_usage", [])
    processors = now.get("online_cpus", 0) or (len(per_processor) if isinstance(per_processor, list) else 0)
    return used / machine * processors * 100 if used > 0 and machine > 0 else 0.0


def memory_used(look: ContainerStats) -> int:
    """Return the memory in use without file pages that can be dropped at once."""
    memory = look.get("memory_stats", {})
    usage, figures = memory.get("usage", 0), memory.get("stats", {})
    cached = figures.get("total_inactive_file", usage)  # cgroup v1
    if cached < usage:
        return usage - cached
    cached = figures.get("inactive_file", 0)
    return usage - cached if cached < usage else usage


def memory_percent(look: ContainerStats) -> float:
    """Return how much of its limit the container uses."""
    limit = look.get("memory_stats", {}).get("limit", 0)
    return memory_used(look) / limit * 100 if limit else 0.0


def traffic(look: ContainerStats) -> tuple[int, int]:
    """Return the bytes received and sent on all interfaces."""
    networks = look.get("networks", {}).values()
    return sum(each["rx_bytes"] for each in networks), sum(each["tx_bytes"] for each in networks)


def block_io(look: ContainerStats) -> tuple[int, int]:
    """Return the bytes read from and written to block devices."""
    read = written = 0
    for entry in look.get("blkio_stats", {}).get("io_service_bytes_recursive") or []:
        match entry["op"][:1].lower():
            case "r":
                read += entry["value"]
            case "w":
                written += entry["value"]
    return read, written
