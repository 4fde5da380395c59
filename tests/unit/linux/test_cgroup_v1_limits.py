"""Which control files of v1 are written, with what, and in which order."""

import errno
import os
from pathlib import Path

import pytest

from cgroup_kit import Writes, fake, recorded
from wharf.linux.cgroup import LinuxResources, v1_limits

FILES = """
memory.limit_in_bytes memory.memsw.limit_in_bytes memory.soft_limit_in_bytes memory.oom_control
memory.swappiness memory.usage_in_bytes memory.max_usage_in_bytes
memory.kmem.tcp.limit_in_bytes cpu.cfs_quota_us cpu.cfs_period_us cpu.cfs_burst_us
cpu.rt_period_us cpu.rt_runtime_us cpu.idle cpu.shares cpuset.cpus cpuset.mems pids.max
blkio.bfq.weight blkio.bfq.weight_device blkio.throttle.read_bps_device
blkio.throttle.write_bps_device blkio.throttle.read_iops_device
blkio.throttle.write_iops_device hugetlb.2MB.limit_in_bytes hugetlb.2MB.rsvd.limit_in_bytes
net_cls.classid net_prio.ifpriomap rdma.max
"""


def _apply(tmp_path: Path, writes: Writes, resources: LinuxResources, *, limit: str = "4096") -> Writes:
    at = fake(tmp_path / "group", **dict.fromkeys(FILES.split(), ""))
    fake(tmp_path / "group", memory__limit_in_bytes=limit, memory__usage_in_bytes="1000")
    v1_limits.apply(lambda _controller: at, resources)
    return writes


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({"pids": {"limit": 50}}, [("pids.max", "50")]),
        ({"pids": {"limit": -1}}, [("pids.max", "max")]),
        ({"pids": {"limit": 0}}, []),
        (
            {"cpu": {"quota": 50000, "period": 100000}},
            [("cpu.cfs_period_us", "100000"), ("cpu.cfs_quota_us", "50000")],
        ),
        ({"cpu": {"quota": -1}}, [("cpu.cfs_quota_us", "-1")]),
        ({"cpu": {"burst": 0}}, [("cpu.cfs_burst_us", "0")]),
        ({"cpu": {"idle": 1}}, [("cpu.idle", "1")]),
        (
            {"cpu": {"realtimePeriod": 1000000, "realtimeRuntime": 950000}},
            [("cpu.rt_period_us", "1000000"), ("cpu.rt_runtime_us", "950000")],
        ),
        ({"cpu": {"cpus": "0-1", "mems": "0"}}, [("cpuset.cpus", "0-1"), ("cpuset.mems", "0")]),
        ({"cpu": {"shares": 512}}, [("cpu.shares", "512")]),
        ({"memory": {"reservation": 4096}}, [("memory.soft_limit_in_bytes", "4096")]),
        ({"memory": {"swappiness": 0}}, [("memory.swappiness", "0")]),
        ({"memory": {"disableOOMKiller": True}}, [("memory.oom_control", "1")]),
        ({"memory": {"disableOOMKiller": False}}, []),
        ({"memory": {"kernelTCP": 4096}}, [("memory.kmem.tcp.limit_in_bytes", "4096")]),
        (
            {"blockIO": {"weight": 300, "weightDevice": [{"major": 8, "minor": 0, "weight": 20}]}},
            [("blkio.bfq.weight", "300"), ("blkio.bfq.weight_device", "8:0 20")],
        ),
        (
            {"blockIO": {"throttleReadBpsDevice": [{"major": 254, "minor": 0, "rate": 1048576}]}},
            [("blkio.throttle.read_bps_device", "254:0 1048576")],
        ),
        (
            {"blockIO": {"throttleWriteIOPSDevice": [{"major": 254, "minor": 0, "rate": 7}]}},
            [("blkio.throttle.write_iops_device", "254:0 7")],
        ),
        (
            {"hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}]},
            [("hugetlb.2MB.limit_in_bytes", "4194304"), ("hugetlb.2MB.rsvd.limit_in_bytes", "4194304")],
        ),
        (
            {"network": {"classID": 1048577, "priorities": [{"name": "eth0", "priority": 5}]}},
            [("net_cls.classid", "1048577"), ("net_prio.ifpriomap", "eth0 5")],
        ),
        (
            {"rdma": {"mlx5_1": {"hcaHandles": 3, "hcaObjects": 10}}},
            [("rdma.max", "mlx5_1 hca_handle=3 hca_object=10")],
        ),
        ({}, []),
        ({"memory": {}, "cpu": {}, "blockIO": {}, "network": {}, "hugepageLimits": []}, []),
    ],
)
def test_each_resource_has_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, resources: LinuxResources, expected: Writes
) -> None:
    assert _apply(tmp_path, recorded(monkeypatch), resources) == expected


def test_a_growing_memory_limit_raises_memory_with_swap_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resources: LinuxResources = {"memory": {"limit": 8192, "swap": 16384}}
    assert _apply(tmp_path, recorded(monkeypatch), resources) == [
        ("memory.memsw.limit_in_bytes", "16384"),
        ("memory.limit_in_bytes", "8192"),
    ]


def test_a_shrinking_memory_limit_lowers_memory_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resources: LinuxResources = {"memory": {"limit": 8192, "swap": 16384}}
    assert _apply(tmp_path, recorded(monkeypatch), resources, limit="9223372036854771712") == [
        ("memory.limit_in_bytes", "8192"),
        ("memory.memsw.limit_in_bytes", "16384"),
    ]


def test_no_memory_limit_means_no_swap_limit_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _apply(tmp_path, recorded(monkeypatch), {"memory": {"limit": -1}}) == [
        ("memory.memsw.limit_in_bytes", "-1"),
        ("memory.limit_in_bytes", "-1"),
    ]


def test_a_limit_below_the_usage_is_rejected_when_asked_to_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resources: LinuxResources = {"memory": {"limit": 500, "checkBeforeUpdate": True}}
    with pytest.raises(OSError, match="rejecting memory limit 500 < usage 1000"):
        _apply(tmp_path, recorded(monkeypatch), resources)


def test_a_limit_that_cannot_be_reclaimed_tells_the_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str, _value: str) -> None:
        if name == "memory.limit_in_bytes":
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), name)

    with pytest.raises(OSError, match=r"unable to set memory limit to 500 \(current usage: 1000, peak"):
        _apply(tmp_path, recorded(monkeypatch, refuse), {"memory": {"limit": 500}})


def test_swappiness_beyond_a_hundred_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match=r"invalid memory swappiness value: 101 \(valid range is 0-100\)"):
        _apply(tmp_path, recorded(monkeypatch), {"memory": {"swappiness": 101}})


def test_a_period_refused_because_of_the_old_quota_is_set_after_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = ["cpu.cfs_period_us", "cpu.cfs_burst_us"]

    def refuse(name: str, _value: str) -> None:
        if name in refusals:
            refusals.remove(name)
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), name)

    resources: LinuxResources = {"cpu": {"quota": 5000, "period": 10000, "burst": 1000}}
    assert _apply(tmp_path, recorded(monkeypatch, refuse), resources) == [
        ("cpu.cfs_quota_us", "5000"),
        ("cpu.cfs_period_us", "10000"),
        ("cpu.cfs_burst_us", "1000"),
    ]


def test_unified_resources_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match="unified resources need cgroup v2"):
        _apply(tmp_path, recorded(monkeypatch), {"unified": {"memory.high": "1"}})


@pytest.mark.parametrize(
    ("resources", "controller"),
    [
        ({"memory": {"limit": 1}}, "memory"),
        ({"cpu": {"shares": 2}}, "cpu"),
        ({"cpu": {"cpus": "0"}}, "cpuset"),
        ({"pids": {"limit": 1}}, "pids"),
        ({"blockIO": {"weight": 10}}, "blkio"),
        ({"hugepageLimits": [{"pageSize": "2MB", "limit": 1}]}, "hugetlb"),
        ({"network": {"classID": 1}}, "net_cls"),
        ({"network": {"priorities": [{"name": "eth0", "priority": 5}]}}, "net_prio"),
    ],
)
def test_the_controller_of_a_limit_is_asked_for(resources: LinuxResources, controller: str) -> None:
    asked: list[str] = []

    def folder(name: str) -> str:
        asked.append(name)
        raise FileNotFoundError

    with pytest.raises(FileNotFoundError):
        v1_limits.apply(folder, resources)
    assert asked == [controller]
