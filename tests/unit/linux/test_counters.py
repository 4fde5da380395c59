"""The kernel's counters, read from its own texts."""

import os
from pathlib import Path

from wharf.linux.counters import Traffic, processor_time, traffic

_DEV = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:       9       9    0    0    0     0          0         0        9       9    0    0    0     0       0          0
  eth0:     100       2    3    4    5     6          7         8      900      10   11   12   13    14      15         16
a:b:1:        1       2    3    4    0     0          0         0        5       6    7    8    0     0       0          0
"""  # noqa: E501 - as the kernel writes it


def test_the_time_of_the_machine_leaves_steal_and_guests_out(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  1 2 3 4 5 6 7 100 200 300\ncpu0 1 0 0\ncpu1 1 0 0\nintr 5\n", encoding="ascii")
    time = processor_time(str(stat))
    assert time.total_ns == 28 * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    assert time.online == 2


def test_this_machine_has_processors() -> None:
    assert processor_time().online == os.sysconf("SC_NPROCESSORS_ONLN")


def test_traffic_is_of_the_interfaces_that_were_put_there(tmp_path: Path) -> None:
    (tmp_path / "7" / "net").mkdir(parents=True)
    (tmp_path / "7" / "net" / "dev").write_text(_DEV, encoding="ascii")
    assert traffic(7, proc=str(tmp_path)) == {
        "eth0": Traffic(100, 2, 3, 4, 900, 10, 11, 12),
        "a:b:1": Traffic(1, 2, 3, 4, 5, 6, 7, 8),
    }
