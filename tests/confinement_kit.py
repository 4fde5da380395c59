"""What tests of cgroups, capabilities, seccomp and Landlock share: forked children, cgroups of our own."""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import pytest

from wharf.linux.cgroup import Cgroup, LinuxResources, Mounts

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def in_child(work: Callable[[], Any]) -> Any:
    """Return what `work` returns in a forked child, as JSON has it; its exception fails the test."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _report(work, writer)
    os.close(writer)
    with open(reader, "rb") as pipe:
        report = json.loads(pipe.read() or b"null")
    _, status = os.waitpid(pid, 0)
    if report is None:
        pytest.fail(f"the child ended with {os.waitstatus_to_exitcode(status)}", pytrace=False)
    if "failed" in report:
        pytest.fail(report["failed"], pytrace=False)
    return report["result"]


def _report(work: Callable[[], Any], writer: int) -> NoReturn:
    try:
        answer = {"result": work()}
    except BaseException:
        answer = {"failed": traceback.format_exc()}
    with open(writer, "w") as pipe:
        json.dump(answer, pipe)
    sys.stdout.flush()
    os._exit(0)


class Child:
    """A forked process which runs `work` when it is told to; killed at the end whatever it does."""

    def __init__(self, work: Callable[[], object]) -> None:
        reader, self._go = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._go)
            status = 1
            try:
                os.read(reader, 1)
                work()
                status = 0
            except OSError as error:
                status = error.errno or 1
            finally:
                os._exit(status)
        os.close(reader)
        self._reaped = False

    def go(self) -> None:
        """Let it begin."""
        os.write(self._go, b"g")

    def wait(self) -> int:
        """Wait for its end and return its exit code, or -n for signal n."""
        _, status = os.waitpid(self.pid, 0)
        self._reaped = True
        return os.waitstatus_to_exitcode(status)

    def end(self) -> None:
        """Kill and reap it, if that was not done."""
        os.close(self._go)
        if not self._reaped:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()


@contextmanager
def child(work: Callable[[], object]) -> Iterator[Child]:
    """Give a child that waits for `go`."""
    forked = Child(work)
    try:
        yield forked
    finally:
        forked.end()


@contextmanager
def own_cgroup(resources: LinuxResources | None = None, *, mounts: Mounts | None = None) -> Iterator[Cgroup]:
    """Give a cgroup named after this process, and see to it that nothing is left of it."""
    mounts = mounts or Mounts.read()
    parent = f"/wharf-test-c-{os.getpid()}"
    try:
        yield Cgroup.create(f"{parent}/one", resources or {}, mounts=mounts)
    finally:
        Cgroup.load(f"{parent}/one", mounts=mounts).kill()
        Cgroup.load(parent, mounts=mounts).remove()


def cgroup_folder(controller: str, group: Cgroup) -> str:
    """Return the directory of a v1 cgroup."""
    return Mounts.read().controllers[controller] + group.path
