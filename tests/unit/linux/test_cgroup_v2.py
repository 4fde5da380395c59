"""The unified tree on a folder that stands in for it: what no test host's own hierarchy shows."""

from pathlib import Path

import pytest

from cgroup_kit import fake, recorded
from wharf.linux import bpf
from wharf.linux.cgroup import Cgroup, Mounts, directory

ALL = "cpuset cpu io memory hugetlb pids"


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mount point with all controllers, of which the root hands on two."""

    def attach(_cgroup_fd: int, program: bytes) -> None:
        (tmp_path / "program").write_bytes(program)

    monkeypatch.setattr(bpf, "attach_device_program", attach)
    fake(tmp_path / "cgroup", cgroup__controllers=ALL, cgroup__subtree_control="cpu memory")
    fake(tmp_path / "cgroup" / "docker", cgroup__controllers=ALL, cgroup__subtree_control="")
    return tmp_path / "cgroup"


def test_controllers_are_handed_down_at_every_level(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = recorded(monkeypatch)
    Cgroup.create("/docker/one", {}, mounts=Mounts({}, str(top)))
    given = ["+cpuset", "+hugetlb", "+io", "+pids"]
    missing = ["+cpu", "+cpuset", "+hugetlb", "+io", "+memory", "+pids"]
    assert [value for name, value in writes if name == "cgroup.subtree_control"] == given + missing


def test_controllers_handed_down_already_are_not_written_again(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(top, cgroup__subtree_control=ALL)
    fake(top / "docker", cgroup__subtree_control=ALL)
    writes = recorded(monkeypatch)
    Cgroup.create("/docker/one", {}, mounts=Mounts({}, str(top)))
    assert writes == []


def test_a_refused_limit_leaves_nothing(top: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Cgroup.create("/docker/one", {"pids": {"limit": 5}}, mounts=Mounts({}, str(top)))
    assert not (top / "docker" / "one").exists()


def test_the_device_program_is_attached_without_any_rule_of_the_spec(top: Path) -> None:
    Cgroup.create("/docker/one", {}, mounts=Mounts({}, str(top)))
    assert len((top.parent / "program").read_bytes()) % 8 == 0


def test_figures_have_dockers_names(top: Path) -> None:
    fake(
        top / "docker",
        cpu__stat="usage_usec 30\nuser_usec 10\nsystem_usec 20\n"
        "nr_periods 5\nnr_throttled 2\nthrottled_usec 7\n",
        memory__stat="anon 100\nfile 200\ninactive_file 50\nsecret 1\n",
        memory__current="300\n",
        memory__max="1000\n",
        memory__events="low 0\nhigh 0\nmax 4\noom 3\noom_kill 1\n",
        io__stat="8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n",
        pids__current="4\n",
        pids__max="max\n",
    )
    group = Cgroup.load("/docker", mounts=Mounts({}, str(top)))
    assert group.stats() == {
        "cpu_stats": {
            "cpu_usage": {"total_usage": 30000, "usage_in_kernelmode": 20000, "usage_in_usermode": 10000},
            "throttling_data": {"periods": 5, "throttled_periods": 2, "throttled_time": 7000},
        },
        "memory_stats": {
            "usage": 300,
            "limit": 1000,
            "failcnt": 3,
            "stats": {"anon": 100, "file": 200, "inactive_file": 50},
        },
        "blkio_stats": {
            "io_service_bytes_recursive": [
                {"major": 8, "minor": 0, "op": "read", "value": 10},
                {"major": 8, "minor": 0, "op": "write", "value": 20},
            ]
        },
        "pids_stats": {"current": 4},
    }
    assert group.oom_killed()


def test_no_kill_in_memory_events_is_no_oom(top: Path) -> None:
    fake(top / "docker", memory__events="oom 3\noom_kill 0\n")
    assert not Cgroup.load("/docker", mounts=Mounts({}, str(top))).oom_killed()


def test_a_cgroup_without_the_memory_controller_had_no_oom(top: Path) -> None:
    assert not Cgroup.load("/docker", mounts=Mounts({}, str(top))).oom_killed()


def test_a_long_list_of_processes_is_read_to_its_end(top: Path) -> None:
    pids = list(range(1, 30000))
    fake(top / "docker", cgroup__procs="".join(f"{pid}\n" for pid in pids))
    assert directory.processes(str(top / "docker")) == pids
