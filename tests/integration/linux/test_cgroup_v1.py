"""Cgroups on v1: every limit seen to hold by a process under it."""

import errno
import os
import signal
import time
from pathlib import Path

import pytest

from confinement_kit import cgroup_folder, child, needs_root, own_cgroup
from wharf.linux.cgroup import Cgroup, LinuxResources, Mounts
from wharf.linux.cgroup.resources import DeviceRule
from wharf.linux.clone import clone3

MIB = 1 << 20
KMSG = "/dev/kmsg"
DENY_ALL: DeviceRule = {"allow": False, "access": "rwm"}
READ_KMSG: DeviceRule = {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "r"}


def _has_v1() -> bool:
    try:
        return Mounts.read().mode == "v1"
    except OSError:
        return False


pytestmark = [
    pytest.mark.kernel,
    needs_root,
    pytest.mark.skipif(not _has_v1(), reason="this host has no cgroup v1"),
]


def _value(group: Cgroup, name: str) -> str:
    controller = name.partition(".")[0]
    return Path(cgroup_folder(controller, group), name).read_text().strip()


def _spin(wall_s: float) -> None:
    end = time.monotonic() + wall_s
    while time.monotonic() < end:
        pass


def _touch(size: int) -> None:
    bytearray(size)[::4096] = b"x" * (size // 4096)


def _exit_under(resources: LinuxResources, work: object) -> tuple[int, bool]:
    """Run `work` under limits; return its exit code, and whether the kernel killed for memory."""
    assert callable(work)
    with child(work) as process, own_cgroup(resources) as group:
        group.add(process.pid)
        process.go()
        return process.wait(), group.oom_killed()


def test_a_process_is_in_every_hierarchy() -> None:
    with child(signal.pause) as process, own_cgroup() as group:
        group.add(process.pid)
        with open(f"/proc/{process.pid}/cgroup") as lines:
            paths = {line.rstrip("\n").split(":", 2)[2] for line in lines}
        assert paths == {group.path}
        assert group.processes() == [process.pid]


def test_a_process_over_its_memory_limit_is_killed_and_it_shows() -> None:
    resources: LinuxResources = {"memory": {"limit": 16 * MIB, "swap": 16 * MIB}}
    assert _exit_under(resources, lambda: _touch(64 * MIB)) == (-signal.SIGKILL, True)


def test_a_process_within_its_memory_limit_is_left_alone() -> None:
    resources: LinuxResources = {"memory": {"limit": 64 * MIB, "swap": 64 * MIB}}
    assert _exit_under(resources, lambda: _touch(8 * MIB)) == (0, False)


def test_a_kill_in_a_cgroup_below_counts() -> None:
    with child(lambda: _touch(64 * MIB)) as process, own_cgroup() as group:
        limits: LinuxResources = {"memory": {"limit": 16 * MIB, "swap": 16 * MIB}}
        below = Cgroup.create(f"{group.path}/below", limits)
        below.add(process.pid)
        process.go()
        assert process.wait() == -signal.SIGKILL
        assert group.oom_killed()


def test_a_fork_over_the_limit_of_processes_fails() -> None:
    def fork() -> None:
        if os.fork() == 0:
            os._exit(0)

    assert _exit_under({"pids": {"limit": 1}}, fork) == (errno.EAGAIN, False)
    assert _exit_under({"pids": {"limit": 2}}, fork) == (0, False)


def test_a_process_over_its_quota_is_throttled() -> None:
    resources: LinuxResources = {"cpu": {"quota": 2000, "period": 20000, "shares": 512}}
    with child(lambda: _spin(0.3)) as process, own_cgroup(resources) as group:
        group.add(process.pid)
        process.go()
        assert process.wait() == 0
        cpu = group.stats()["cpu_stats"]
        assert isinstance(cpu, dict)
        assert cpu["throttling_data"]["throttled_periods"] > 2
        assert cpu["cpu_usage"]["total_usage"] < 250_000_000
        assert _value(group, "cpu.shares") == "512"


def test_a_process_runs_on_the_processors_it_was_given() -> None:
    first = min(os.sched_getaffinity(0))
    with child(signal.pause) as process, own_cgroup({"cpu": {"cpus": str(first)}}) as group:
        group.add(process.pid)
        assert os.sched_getaffinity(process.pid) == {first}


def test_processors_and_memory_nodes_come_from_above_when_none_are_given() -> None:
    with own_cgroup() as group:
        parent = os.path.dirname(cgroup_folder("cpuset", group))
        for name in ("cpuset.cpus", "cpuset.mems"):
            assert _value(group, name) == Path(parent, name).read_text().strip() != ""


def test_shares_the_kernel_would_clamp_are_refused() -> None:
    with (
        pytest.raises(OSError, match="the minimum allowed cpu-shares is 2"),
        own_cgroup({"cpu": {"shares": 1}}),
    ):
        pass


def test_memory_limits_grow_and_shrink() -> None:
    with own_cgroup({"memory": {"limit": 16 * MIB, "swap": 32 * MIB, "reservation": 8 * MIB}}) as group:
        assert _value(group, "memory.soft_limit_in_bytes") == str(8 * MIB)
        group.apply({"memory": {"limit": 64 * MIB, "swap": 128 * MIB}})
        assert _value(group, "memory.memsw.limit_in_bytes") == str(128 * MIB)
        group.apply({"memory": {"limit": 8 * MIB, "swap": 8 * MIB}})
        assert _value(group, "memory.limit_in_bytes") == str(8 * MIB)
        group.apply({"memory": {"limit": -1}})
        assert int(_value(group, "memory.memsw.limit_in_bytes")) > 1 << 60


def test_swappiness_and_the_oom_killer_are_set() -> None:
    with own_cgroup({"memory": {"swappiness": 7, "disableOOMKiller": True}}) as group:
        assert _value(group, "memory.swappiness") == "7"
        assert "oom_kill_disable 1" in _value(group, "memory.oom_control")


def test_a_block_device_is_throttled() -> None:
    line = "7:0 1048576"
    devices: LinuxResources = {"blockIO": {"throttleReadBpsDevice": [{"major": 7, "minor": 0, "rate": MIB}]}}
    try:
        with own_cgroup(devices) as group:
            assert _value(group, "blkio.throttle.read_bps_device") == line
    except OSError as error:
        if error.errno != errno.ENODEV:
            raise
        pytest.skip("no loop device here")


def test_a_frozen_process_stands_until_it_is_thawed() -> None:
    asked, answers = os.pipe(), os.pipe()

    def echo() -> None:
        while byte := os.read(asked[0], 1):
            os.write(answers[1], byte)

    with child(echo) as process, own_cgroup() as group:
        group.add(process.pid)
        process.go()
        os.write(asked[1], b"1")
        assert os.read(answers[0], 1) == b"1"
        group.freeze()
        os.write(asked[1], b"2")
        os.set_blocking(answers[0], False)
        _spin(0.05)
        with pytest.raises(BlockingIOError):
            os.read(answers[0], 1)
        group.thaw()
        os.set_blocking(answers[0], True)
        assert os.read(answers[0], 1) == b"2"
    for fd in (*asked, *answers):
        os.close(fd)


def _open(path: str, flags: int) -> None:
    os.close(os.open(path, flags))


def test_devices_are_denied_but_for_those_of_every_container() -> None:
    _open(KMSG, os.O_RDONLY)  # what a process outside may do
    assert _exit_under({}, lambda: _open(KMSG, os.O_RDONLY)) == (errno.EPERM, False)
    assert _exit_under({}, lambda: _open("/dev/null", os.O_RDWR)) == (0, False)


def test_a_device_is_allowed_as_far_as_its_rule_goes() -> None:
    rules: LinuxResources = {"devices": [DENY_ALL, READ_KMSG]}
    assert _exit_under(rules, lambda: _open(KMSG, os.O_RDONLY)) == (0, False)
    assert _exit_under(rules, lambda: _open(KMSG, os.O_WRONLY)) == (errno.EPERM, False)


def test_every_device_is_allowed_where_the_rules_say_so() -> None:
    rules: LinuxResources = {"devices": [{"allow": True, "access": "rwm"}]}
    assert _exit_under(rules, lambda: _open(KMSG, os.O_WRONLY)) == (0, False)


def test_a_default_container_has_runcs_device_list() -> None:
    with own_cgroup({"devices": [DENY_ALL]}) as group:
        assert sorted(_value(group, "devices.list").splitlines()) == [
            "b *:* m",
            "c *:* m",
            "c 10:200 rwm",
            "c 136:* rwm",
            "c 1:3 rwm",
            "c 1:5 rwm",
            "c 1:7 rwm",
            "c 1:8 rwm",
            "c 1:9 rwm",
            "c 5:0 rwm",
            "c 5:2 rwm",
        ]


def test_devices_change_without_touching_the_others() -> None:
    with own_cgroup({"devices": [DENY_ALL, READ_KMSG]}) as group:
        group.apply({"devices": [DENY_ALL, {**READ_KMSG, "access": "w"}]})
        assert "c 1:11 w" in _value(group, "devices.list").splitlines()
        group.apply({"devices": [DENY_ALL]})
        assert "1:11" not in _value(group, "devices.list")
        group.apply({"devices": [{"allow": True, "type": "a"}]})
        assert _value(group, "devices.list") == "a *:* rwm"
        group.apply({"devices": [DENY_ALL]})
        assert "c 5:2 rwm" in _value(group, "devices.list").splitlines()
        group.apply({"pids": {"limit": 9}})
        assert "c 5:2 rwm" in _value(group, "devices.list").splitlines()


def test_kill_reaches_what_forks_and_what_is_below() -> None:
    def spawn() -> None:
        while True:
            if os.fork() == 0:
                signal.pause()

    with child(spawn) as process, child(signal.pause) as lower, own_cgroup({"pids": {"limit": 20}}) as group:
        group.add(process.pid)
        below = Cgroup.create(f"{group.path}/below", {})
        below.add(lower.pid)
        process.go()
        assert lower.pid in group.processes()
        group.kill()
        assert (process.wait(), lower.wait()) == (-signal.SIGKILL, -signal.SIGKILL)
        group.remove()
        assert group.processes() == []


def test_a_frozen_process_can_be_killed() -> None:
    with child(signal.pause) as process, own_cgroup() as group:
        group.add(process.pid)
        group.freeze()
        group.kill()
        assert process.wait() == -signal.SIGKILL


def test_a_cgroup_in_use_is_not_removed_and_the_wait_is_bounded() -> None:
    with child(signal.pause) as process, own_cgroup() as group:
        group.add(process.pid)
        with pytest.raises(OSError, match="busy") as caught:
            group.remove(timeout_s=0.02)
        assert caught.value.errno == errno.EBUSY


def test_removing_waits_for_processes_that_are_dying() -> None:
    with child(signal.pause) as process, own_cgroup() as group:
        group.add(process.pid)
        group.kill()
        group.remove()
        assert not os.path.exists(cgroup_folder("memory", group))


def test_what_is_gone_can_be_killed_thawed_and_removed_again() -> None:
    with own_cgroup() as group:
        group.remove()
        group.kill()
        group.thaw()
        group.remove()
        assert group.processes() == []
        assert not group.oom_killed()


def test_an_empty_cgroup_left_over_is_replaced() -> None:
    with own_cgroup({"pids": {"limit": 7}}) as group:
        Cgroup.create(group.path, {})
        assert _value(group, "pids.max") == "max"


def test_a_cgroup_in_use_is_not_taken_over() -> None:
    with child(signal.pause) as process, own_cgroup() as group:
        group.add(process.pid)
        with pytest.raises(FileExistsError):
            Cgroup.create(group.path, {})
        assert group.processes() == [process.pid]


def test_a_refused_limit_leaves_nothing_in_any_hierarchy() -> None:
    path = f"/wharf-test-c-{os.getpid()}/refused"
    try:
        with pytest.raises(OSError, match=r"cpuset\.cpus"):
            Cgroup.create(path, {"cpu": {"cpus": "4095"}})
        mounts = Mounts.read()
        points = {*mounts.controllers.values(), mounts.unified}
        assert [point for point in points if os.path.exists(f"{point}{path}")] == []
    finally:
        Cgroup.load(os.path.dirname(path)).remove()


def test_a_limit_without_its_controller_names_it() -> None:
    mounts = Mounts.read()
    rest = {name: point for name, point in mounts.controllers.items() if name != "memory"}
    with pytest.raises(OSError, match="cgroup controller 'memory' is not available") as caught:
        Cgroup.create(
            f"/wharf-test-c-{os.getpid()}", {"memory": {"limit": MIB}}, mounts=Mounts(rest, mounts.unified)
        )
    assert caught.value.errno == errno.ENODEV


def test_a_process_that_is_gone_cannot_be_added() -> None:
    with child(signal.pause) as process, own_cgroup() as group:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with pytest.raises(ProcessLookupError):
            group.add(process.pid)


def test_figures_have_dockers_names() -> None:
    with child(lambda: _touch(4 * MIB)) as process, own_cgroup({"pids": {"limit": 9}}) as group:
        group.add(process.pid)
        process.go()
        process.wait()
        stats = group.stats()
    cpu, memory, pids, block = (stats[f"{name}_stats"] for name in ("cpu", "memory", "pids", "blkio"))
    assert isinstance(cpu, dict)
    assert isinstance(memory, dict)
    assert isinstance(block, dict)
    assert cpu["cpu_usage"]["total_usage"] > 0
    assert len(cpu["cpu_usage"]["percpu_usage"]) == os.cpu_count()
    assert memory["max_usage"] >= 4 * MIB
    assert {"cache", "rss", "total_inactive_file", "hierarchical_memory_limit"} <= memory["stats"].keys()
    assert pids == {"current": 0, "limit": 9}
    assert {"io_service_bytes_recursive", "io_serviced_recursive"} <= block.keys()


def test_v1_has_no_cgroup_to_be_born_in() -> None:
    with own_cgroup() as group:
        assert group.fd_for_clone() is None


@pytest.mark.parametrize("is_born", [False, True])
def test_a_child_enters_every_hierarchy_by_itself(*, is_born: bool) -> None:
    with own_cgroup() as group:
        place = group.birthplace() if is_born else None
        if is_born and place is None:
            pytest.skip("this host has no unified tree beside v1")
        reader, writer = os.pipe()
        pid, pidfd = clone3(cgroup_fd=place)
        if pid == 0:
            group.enter(is_born=is_born)
            with open("/proc/self/cgroup", "rb") as lines:
                os.write(writer, lines.read())
            os._exit(0)
        os.close(writer)
        with open(reader) as pipe:
            paths = {line.rstrip("\n").split(":", 2)[2] for line in pipe}
        os.waitpid(pid, 0)
        assert paths == {group.path}
        for fd in (pidfd, *([] if place is None else [place])):
            os.close(fd)
