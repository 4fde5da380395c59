"""A container that cannot be made leaves nothing, whichever step fails; conftest.py takes the census."""

import os
import re
import select
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import wharf.runtime
from runtime_kit import LIMIT_S, Box, Output, mount, process_of, spec_of, wait
from wharf import failpoint
from wharf.linux.cgroup import Cgroup
from wharf.runtime import CreateFailed, ExecFailed, create
from wharf.runtime.spec import Spec

SOURCES = Path(wharf.runtime.__file__).parent
NAMES = sorted(
    set(re.findall(r'failpoint\("(runtime\.[a-z.-]+)"\)', "".join(map(Path.read_text, SOURCES.glob("*.py")))))
)
LATER = {"runtime.start", "runtime.execve", "runtime.exec.clone", "runtime.exec.setns"}
REFUSED = 77
BEFORE_BIRTH = {"runtime.cgroup", "runtime.clone"}


@pytest.fixture(autouse=True)
def _disarm() -> Iterator[None]:
    yield
    failpoint.arm("")


def every_step(box: Box) -> Spec:
    """Return a spec whose container passes every failpoint of creation."""
    spec = spec_of("sleep", "1000")
    spec["process"]["terminal"] = True
    spec["root"]["readonly"] = True
    spec["mounts"].append(mount("/not/there/yet", "bind", str(box.folder), "rbind"))
    staged = mount("/staged", "bind", "", "rbind")
    staged["stage"] = {
        "mounts": [{"type": "tmpfs", "source": "tmpfs", "options": []}],
        "failure": "error mounting image x",
    }
    spec["mounts"].append(staged)
    spec["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW"}
    return spec


def test_there_are_failpoints_to_try() -> None:
    assert set(NAMES) > LATER | BEFORE_BIRTH


@pytest.mark.parametrize("name", [name for name in NAMES if name not in LATER])
def test_an_error_at_any_step_of_creation_is_reported_and_undone(box: Box, name: str) -> None:
    failpoint.arm(f"{name}=error:5")
    with (
        pytest.raises(CreateFailed, match=r"(?i)input/output error"),
        box.created(every_step(box)),
    ):
        pass


@pytest.mark.parametrize("name", [name for name in NAMES if name not in LATER | BEFORE_BIRTH])
def test_an_init_killed_at_any_step_of_creation_is_reported_and_undone(box: Box, name: str) -> None:
    spec = every_step(box)
    with caller_stopped_at(name, box, spec) as (caller, init):
        signal.pidfd_send_signal(init, signal.SIGKILL)
        assert wait(caller) == REFUSED
    assert Cgroup.load(spec["linux"]["cgroupsPath"]).processes() == []


@pytest.mark.parametrize(
    "name",
    ["runtime.exec.clone", "runtime.exec.setns", "runtime.confine", "runtime.init"],
)
def test_an_error_at_any_step_of_exec_is_reported_and_undone(box: Box, name: str) -> None:
    spec = spec_of("sleep", "1000")
    with box.running(spec) as container:
        failpoint.arm(f"{name}=error:5")
        with pytest.raises(ExecFailed, match=r"input/output error"):
            box.execute(container, spec, process_of("true"))


@pytest.mark.parametrize("name", ["runtime.init", "runtime.mount", "runtime.root.pivot"])
def test_a_caller_killed_at_any_step_takes_the_init_with_it(box: Box, name: str) -> None:
    spec = every_step(box)
    with caller_stopped_at(name, box, spec) as (caller, init):
        signal.pidfd_send_signal(caller, signal.SIGKILL)
        assert wait(caller) == 128 + signal.SIGKILL
        assert select.select([init], [], [], LIMIT_S)[0], "the init outlived its caller"
    Cgroup.load(spec["linux"]["cgroupsPath"]).remove()


@contextmanager
def caller_stopped_at(name: str, box: Box, spec: Spec) -> Iterator[tuple[int, int]]:
    """Make the container from a process of its own, whose init waits at `name`; give pidfds of both."""
    child = os.fork()
    if child == 0:
        failpoint.arm(f"{name}=delay:60")
        try:
            create(spec, str(box.bundle), root=box.root, stdio=None)
        except CreateFailed:
            os._exit(REFUSED)
        finally:
            os._exit(1)
    caller = os.pidfd_open(child)
    init = init_of(child)
    try:
        yield caller, init
    finally:
        os.close(init)
        os.close(caller)


def init_of(caller: int) -> int:
    """Return a pidfd of the child of `caller`, as soon as that sleeps at its failpoint."""
    path = f"/proc/{caller}/task/{caller}/children"
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        with open(path, encoding="ascii") as children:
            waiting = [pid for pid in children.read().split() if _waits(pid)]
        if waiting:
            return os.pidfd_open(int(waiting[0]))
        os.sched_yield()
    pytest.fail("the init did not come to its failpoint")


def _waits(pid: str) -> bool:
    """Return whether the process is in clock_nanosleep(2): 230 on x86-64, 115 on arm64."""
    with open(f"/proc/{pid}/syscall", encoding="ascii") as call:
        return call.read().split(" ")[0] in ("230", "115")


def test_an_abandoned_container_is_gone(box: Box) -> None:
    with Output() as output, box.created(spec_of("true"), output=output) as container:
        pid, group = container.pid, container.cgroup
    assert group.processes() == []
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_start_after_the_init_was_killed_is_refused(box: Box) -> None:
    with Output() as output, box.created(spec_of("true"), output=output) as container:
        os.kill(container.pid, signal.SIGKILL)
        select.select([container.pidfd], [], [], LIMIT_S)
        with pytest.raises(ExecFailed, match="cannot start a container that has stopped"):
            container.start()


def test_two_containers_cannot_have_one_cgroup(box: Box) -> None:
    spec = spec_of("sleep", "1000")
    with box.running(spec), pytest.raises(CreateFailed, match="cgroup"), Output() as output:
        create(spec, str(box.bundle), root=box.root, stdio=output.stdio)
