"""Cgroups on v2, in the unified tree of this host (on a hybrid one it has no controllers)."""

import errno
import os
import signal

import pytest

from confinement_kit import child, needs_root, own_cgroup
from wharf.linux.cgroup import Cgroup, LinuxResources, Mounts
from wharf.linux.cgroup.resources import DeviceRule
from wharf.linux.clone import clone3

KMSG = "/dev/kmsg"
DENY_ALL: DeviceRule = {"allow": False, "access": "rwm"}
READ_KMSG: DeviceRule = {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "r"}


def _unified() -> Mounts | None:
    try:
        unified = Mounts.read().unified
    except OSError:
        return None
    return None if unified is None else Mounts({}, unified)


MOUNTS = _unified()

pytestmark = [
    pytest.mark.kernel,
    needs_root,
    pytest.mark.skipif(MOUNTS is None, reason="this host has no unified cgroup tree"),
]


def _has(controller: str) -> bool:
    assert MOUNTS is not None
    with open(f"{MOUNTS.unified}/cgroup.controllers") as file:
        return controller in file.read().split()


def _open(path: str, flags: int) -> None:
    os.close(os.open(path, flags))


def _exit_under(resources: LinuxResources, path: str, flags: int) -> int:
    with child(lambda: _open(path, flags)) as process, own_cgroup(resources, mounts=MOUNTS) as group:
        group.add(process.pid)
        process.go()
        return process.wait()


def test_a_process_is_added() -> None:
    with child(signal.pause) as process, own_cgroup(mounts=MOUNTS) as group:
        group.add(process.pid)
        assert group.processes() == [process.pid]


def test_a_child_is_born_in_its_cgroup() -> None:
    with own_cgroup(mounts=MOUNTS) as group:
        fd = group.fd_for_clone()
        assert fd is not None
        pid, pidfd = clone3(cgroup_fd=fd)
        if pid == 0:
            signal.pause()
            os._exit(0)
        assert group.processes() == [pid]
        group.kill()
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
        os.close(pidfd)
        os.close(fd)


@pytest.mark.parametrize("is_born", [False, True])
def test_a_child_enters_by_itself_or_is_there_already(*, is_born: bool) -> None:
    with own_cgroup(mounts=MOUNTS) as group:
        place = group.birthplace()
        assert place is not None
        pid, pidfd = clone3(cgroup_fd=place if is_born else None)
        if pid == 0:
            group.enter(is_born=is_born)
            os._exit(int(group.processes() != [os.getpid()]))
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        os.close(pidfd)
        os.close(place)


def test_frozen_processes_stand_and_can_be_killed() -> None:
    with child(signal.pause) as process, own_cgroup(mounts=MOUNTS) as group:
        assert MOUNTS is not None
        group.add(process.pid)
        group.freeze()
        with open(f"{MOUNTS.unified}{group.path}/cgroup.events") as file:
            assert "frozen 1" in file.read()
        group.thaw()
        with open(f"{MOUNTS.unified}{group.path}/cgroup.freeze") as file:
            assert file.read() == "0\n"
        group.freeze()
        group.kill()
        assert process.wait() == -signal.SIGKILL


def test_kill_reaches_what_forks_and_what_is_below() -> None:
    def spawn() -> None:
        for _ in range(30):
            if os.fork() == 0:
                signal.pause()
        signal.pause()

    with child(spawn) as process, child(signal.pause) as lower, own_cgroup(mounts=MOUNTS) as group:
        group.add(process.pid)
        Cgroup.create(f"{group.path}/below", {}, mounts=MOUNTS).add(lower.pid)
        process.go()
        group.kill()
        assert (process.wait(), lower.wait()) == (-signal.SIGKILL, -signal.SIGKILL)
        group.remove()
        assert group.processes() == []


def test_devices_are_denied_but_for_those_of_every_container() -> None:
    _open(KMSG, os.O_RDONLY)  # what a process outside may do
    assert _exit_under({}, KMSG, os.O_RDONLY) == errno.EPERM
    assert _exit_under({}, "/dev/null", os.O_RDWR) == 0


def test_a_device_is_allowed_as_far_as_its_rule_goes() -> None:
    rules: LinuxResources = {"devices": [DENY_ALL, READ_KMSG]}
    assert _exit_under(rules, KMSG, os.O_RDONLY) == 0
    assert _exit_under(rules, KMSG, os.O_WRONLY) == errno.EPERM


def test_every_device_is_allowed_where_the_rules_say_so() -> None:
    assert _exit_under({"devices": [{"allow": True, "access": "rwm"}]}, KMSG, os.O_WRONLY) == 0


def test_a_new_device_list_takes_the_place_of_the_old_one() -> None:
    with child(lambda: _open(KMSG, os.O_RDONLY)) as process, own_cgroup(mounts=MOUNTS) as group:
        group.add(process.pid)
        group.apply({"devices": [DENY_ALL, READ_KMSG]})
        process.go()
        assert process.wait() == 0


@pytest.mark.parametrize(
    ("resources", "controller"),
    [
        ({"memory": {"limit": 1 << 24}}, "memory"),
        ({"memory": {"limit": 1 << 24, "swap": 1 << 25}}, "memory"),
        ({"cpu": {"shares": 2}}, "cpu"),
        ({"cpu": {"cpus": "0"}}, "cpuset"),
        ({"pids": {"limit": 5}}, "pids"),
        ({"blockIO": {"weight": 10}}, "io"),
    ],
)
def test_a_limit_without_its_controller_names_it(resources: LinuxResources, controller: str) -> None:
    assert MOUNTS is not None
    path = f"/wharf-test-c-{os.getpid()}"
    if _has(controller):
        pytest.skip(f"this host's unified tree has the controller {controller}")
    with pytest.raises(OSError, match=f"cgroup controller '{controller}' is not available") as caught:
        Cgroup.create(path, resources, mounts=MOUNTS)
    assert caught.value.errno == errno.ENODEV
    assert not os.path.exists(f"{MOUNTS.unified}{path}")


def test_without_limits_no_controller_is_missed() -> None:
    with own_cgroup({"memory": {}, "cpu": {}, "pids": {"limit": 0}}, mounts=MOUNTS) as group:
        assert group.processes() == []
        assert not group.oom_killed()
        cpu = group.stats()["cpu_stats"]
        assert isinstance(cpu, dict)
        assert cpu["cpu_usage"]["total_usage"] == 0


def test_removing_is_bounded_and_forgiving() -> None:
    with child(signal.pause) as process, own_cgroup(mounts=MOUNTS) as group:
        group.add(process.pid)
        with pytest.raises(OSError, match="busy"):
            group.remove(timeout_s=0.02)
        group.kill()
        group.remove()
        group.kill()
        group.thaw()
        group.remove()
