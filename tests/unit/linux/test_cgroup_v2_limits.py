"""Which control files of v2 are written, with what, and in which order."""

import errno
import os
from pathlib import Path

import pytest

from cgroup_kit import Writes, fake, recorded
from wharf.linux.cgroup import LinuxResources, v2_limits

FILES = """
memory.max memory.low memory.high memory.swap.max memory.current cpu.weight cpu.max
cpu.max.burst cpu.idle cpuset.cpus cpuset.mems pids.max io.max io.weight hugetlb.2MB.max
hugetlb.2MB.rsvd.max rdma.max
"""


def _apply(tmp_path: Path, writes: Writes, resources: LinuxResources, **more: str) -> Writes:
    at = fake(tmp_path / "group", **dict.fromkeys(FILES.split(), ""))
    fake(tmp_path / "group", memory__current="1000", cgroup__controllers="cpu io memory pids", **more)
    v2_limits.apply(at, resources)
    return writes


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({"pids": {"limit": 50}}, [("pids.max", "50")]),
        ({"pids": {"limit": -1}}, [("pids.max", "max")]),
        ({"memory": {"limit": 4096}}, [("memory.max", "4096")]),
        ({"memory": {"limit": 4096, "swap": 8192}}, [("memory.swap.max", "4096"), ("memory.max", "4096")]),
        ({"memory": {"limit": 4096, "swap": 4096}}, [("memory.swap.max", "0"), ("memory.max", "4096")]),
        ({"memory": {"limit": 4096, "swap": -1}}, [("memory.swap.max", "max"), ("memory.max", "4096")]),
        ({"memory": {"limit": -1}}, [("memory.swap.max", "max"), ("memory.max", "max")]),
        ({"memory": {"reservation": 2048}}, [("memory.low", "2048")]),
        ({"memory": {"swappiness": 60, "disableOOMKiller": True}}, []),
        ({"cpu": {"shares": 1024}}, [("cpu.weight", "100")]),
        ({"cpu": {"idle": 1, "shares": 1024}}, [("cpu.idle", "1")]),
        ({"cpu": {"quota": 50000, "period": 100000}}, [("cpu.max", "50000 100000")]),
        ({"cpu": {"quota": 50000}}, [("cpu.max", "50000 100000")]),
        ({"cpu": {"quota": -1, "period": 20000}}, [("cpu.max", "max 20000")]),
        ({"cpu": {"burst": 1000, "quota": 5000}}, [("cpu.max.burst", "1000"), ("cpu.max", "5000 100000")]),
        ({"cpu": {"cpus": "0", "mems": "0"}}, [("cpuset.cpus", "0"), ("cpuset.mems", "0")]),
        ({"cpu": {"realtimeRuntime": 95000}}, []),
        ({"blockIO": {"weight": 10}}, [("io.weight", "default 1")]),
        ({"blockIO": {"weight": 1000}}, [("io.weight", "default 10000")]),
        (
            {
                "blockIO": {
                    "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 1}],
                    "throttleWriteBpsDevice": [{"major": 8, "minor": 0, "rate": 2}],
                    "throttleReadIOPSDevice": [{"major": 8, "minor": 0, "rate": 3}],
                    "throttleWriteIOPSDevice": [{"major": 8, "minor": 0, "rate": 4}],
                }
            },
            [
                ("io.max", "8:0 rbps=1"),
                ("io.max", "8:0 wbps=2"),
                ("io.max", "8:0 riops=3"),
                ("io.max", "8:0 wiops=4"),
            ],
        ),
        (
            {"hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}]},
            [("hugetlb.2MB.max", "4194304"), ("hugetlb.2MB.rsvd.max", "4194304")],
        ),
        ({"unified": {"memory.high": "5000"}}, [("memory.high", "5000")]),
        ({"network": {"classID": 5}}, []),
        ({}, []),
    ],
)
def test_each_resource_has_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, resources: LinuxResources, expected: Writes
) -> None:
    assert _apply(tmp_path, recorded(monkeypatch), resources) == expected


def test_bfqs_weights_are_used_where_it_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resources: LinuxResources = {
        "blockIO": {"weight": 300, "weightDevice": [{"major": 8, "minor": 0, "weight": 20}]}
    }
    assert _apply(tmp_path, recorded(monkeypatch), resources, io__bfq__weight="") == [
        ("io.bfq.weight", "300"),
        ("io.bfq.weight", "8:0 20"),
    ]


@pytest.mark.parametrize(
    ("shares", "weight"),
    [(1, 1), (2, 1), (1024, 100), (2000, 170), (22000, 1204), (262144, 10000), (300000, 10000)],
)
def test_shares_become_weights_as_runc_converts_them(shares: int, weight: int) -> None:
    assert v2_limits.weight_of_shares(shares) == weight


@pytest.mark.parametrize(
    ("memory", "swap", "words"),
    [
        (0, 100, "unable to set swap limit without memory limit"),
        (-1, 100, "unable to set swap limit without memory limit"),
        (200, 100, r"memory\+swap limit should be >= memory limit"),
        (-5, 100, "invalid memory value: -5"),
    ],
)
def test_a_swap_limit_that_makes_no_sense_is_refused(memory: int, swap: int, words: str) -> None:
    with pytest.raises(OSError, match=words):
        v2_limits.swap_limit(memory, swap)


def test_a_limit_whose_controller_is_missing_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(monkeypatch)
    at = fake(tmp_path / "group", cgroup__controllers="cpu")
    with pytest.raises(OSError, match="cgroup controller 'memory' is not available") as caught:
        v2_limits.apply(at, {"memory": {"limit": 4096}})
    assert caught.value.errno == errno.ENODEV


def test_no_swap_in_the_kernel_means_no_swap_and_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str, _value: str) -> None:
        if name == "memory.swap.max":
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)

    writes = recorded(monkeypatch, refuse)
    assert _apply(tmp_path, writes, {"memory": {"limit": 4096, "swap": 4096}}) == [("memory.max", "4096")]


def test_a_burst_above_the_old_quota_is_set_after_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = ["cpu.max.burst"]

    def refuse(name: str, _value: str) -> None:
        if name in refusals:
            refusals.remove(name)
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), name)

    resources: LinuxResources = {"cpu": {"quota": 5000, "burst": 1000}}
    assert _apply(tmp_path, recorded(monkeypatch, refuse), resources) == [
        ("cpu.max", "5000 100000"),
        ("cpu.max.burst", "1000"),
    ]


def test_a_limit_below_the_usage_is_rejected_when_asked_to_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resources: LinuxResources = {"memory": {"limit": 500, "checkBeforeUpdate": True}}
    with pytest.raises(OSError, match="rejecting memory limit 500 < usage 1000"):
        _apply(tmp_path, recorded(monkeypatch), resources)


@pytest.mark.parametrize("name", ["../cgroup.procs", "a/b", ".hidden"])
def test_unified_names_cannot_leave_the_cgroup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with pytest.raises(OSError, match="must be a file name"):
        _apply(tmp_path, recorded(monkeypatch), {"unified": {name: "1"}})
