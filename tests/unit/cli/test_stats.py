"""The columns of `stats`: what is computed from the engine's figures."""

from typing import TYPE_CHECKING

import pytest

from wharf.cli.output.stats import StatsRow, block_io, cpu_percent, memory_percent, memory_used, traffic

if TYPE_CHECKING:
    from wharf.client.shapes import ContainerStats

_LOOK: "ContainerStats" = {
    "name": "/web",
    "id": "0123456789abcdef",
    "cpu_stats": {"cpu_usage": {"total_usage": 300}, "system_cpu_usage": 2000, "online_cpus": 2},
    "precpu_stats": {"cpu_usage": {"total_usage": 200}, "system_cpu_usage": 1000},
    "memory_stats": {"usage": 3 << 20, "limit": 8 << 20, "stats": {"total_inactive_file": 1 << 20}},
    "networks": {"eth0": {"rx_bytes": 1000, "tx_bytes": 5}, "eth1": {"rx_bytes": 500, "tx_bytes": 6}},
    "blkio_stats": {
        "io_service_bytes_recursive": [
            {"op": "Read", "value": 1},
            {"op": "write", "value": 20},
            {"op": "Sync", "value": 400},
            {"op": "Total", "value": 800},
        ]
    },
    "pids_stats": {"current": 7},
}


def _shown(row: StatsRow) -> dict[str, object]:
    return {name: make() for name, make in row.columns(no_trunc=False).items()}


def test_a_line_is_written_as_docker_writes_it() -> None:
    row = StatsRow("web")
    row.look = _LOOK
    assert _shown(row) == {
        "Container": "web",
        "Name": "web",
        "ID": "0123456789ab",
        "CPUPerc": "20.00%",
        "MemUsage": "2MiB / 8MiB",
        "MemPerc": "25.00%",
        "NetIO": "1.5kB / 11B",
        "BlockIO": "1B / 20B",
        "PIDs": "7",
    }


def test_what_has_fallen_silent_shows_dashes() -> None:
    row = StatsRow("web")
    row.look, row.is_stale = _LOOK, True
    shown = _shown(row)
    assert (shown["Name"], shown["CPUPerc"], shown["MemUsage"]) == ("web", "--", "-- / --")
    assert {shown[name] for name in ("MemPerc", "NetIO", "BlockIO", "PIDs")} == {"--"}


def test_an_empty_look_uses_nothing() -> None:
    look: ContainerStats = {"name": "/web"}
    assert (cpu_percent(look), memory_used(look), memory_percent(look)) == (0.0, 0, 0.0)
    assert (traffic(look), block_io(look)) == ((0, 0), (0, 0))


@pytest.mark.parametrize(
    ("stats", "used"),
    [
        ({"inactive_file": 10}, 90),
        ({"inactive_file": 200}, 100),
        ({"total_inactive_file": 30}, 70),
        ({}, 100),
    ],
)
def test_memory_in_use_is_without_what_can_be_dropped(stats: dict[str, int], used: int) -> None:
    assert memory_used({"memory_stats": {"usage": 100, "stats": stats}}) == used


def test_a_counter_that_went_back_is_no_use() -> None:
    look: ContainerStats = {
        "cpu_stats": {"cpu_usage": {"total_usage": 1}, "system_cpu_usage": 10, "online_cpus": 1},
        "precpu_stats": {"cpu_usage": {"total_usage": 5}, "system_cpu_usage": 5},
    }
    assert cpu_percent(look) == 0.0
