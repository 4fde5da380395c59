"""What the kernel has counted: time of the processors, traffic of a process's network interfaces."""

import os
from typing import NamedTuple

_NS_PER_S = 1_000_000_000
_OWN = frozenset(
    {"lo", "tunl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "sit0", "ip6tnl0", "ip6gre0"}
)
"""Interfaces that the kernel itself puts into every network namespace."""


class ProcessorTime(NamedTuple):
    """Nanoseconds that all processors have spent, idle or not, and how many of them there are."""

    total_ns: int
    online: int


class Traffic(NamedTuple):
    """Counters of one interface, in the order of Docker's stats."""

    rx_bytes: int
    rx_packets: int
    rx_errors: int
    rx_dropped: int
    tx_bytes: int
    tx_packets: int
    tx_errors: int
    tx_dropped: int


def processor_time(path: str = "/proc/stat") -> ProcessorTime:
    """Read the time of all processors since boot, user to softirq, as Docker counts; proc_stat(5)."""
    total = online = 0
    with open(path, encoding="ascii") as file:
        for line in file:
            if not line.startswith("cpu"):
                break  # the lines of processors come first
            name, *ticks = line.split()
            if name == "cpu":
                total = sum(map(int, ticks[:7]))
            else:
                online += 1
    return ProcessorTime(total * (_NS_PER_S // os.sysconf("SC_CLK_TCK")), online)


def traffic(pid: int, *, proc: str = "/proc") -> dict[str, Traffic]:
    """Return the counters of the interfaces that process `pid` sees, but for those all namespaces have.

    proc_pid_net(5). Raises FileNotFoundError or ProcessLookupError when the process is gone.
    """
    found: dict[str, Traffic] = {}
    with open(f"{proc}/{pid}/net/dev", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            name, colon, figures = line.rpartition(":")
            if not colon or (name := name.strip()) in _OWN:
                continue
            numbers = [int(word) for word in figures.split()]
            found[name] = Traffic(*numbers[0:4], *numbers[8:12])
    return found
