"""The caller's side of a process executed in a running container.

The caller has one thread and becomes the parent of the process, though that lives in the container's pid
namespace.
"""

import os
from contextlib import ExitStack
from typing import Self

from wharf.failpoint import failpoint
from wharf.linux.cgroup import Cgroup
from wharf.linux.clone import clone3
from wharf.runtime import birth, enter
from wharf.runtime.errors import EXEC_KINDS, CannotExec, CreateFailed, ExecFailed, Refused, cause, text_of
from wharf.runtime.filters import filter_of
from wharf.runtime.message import Channel, Start
from wharf.runtime.namespaces import Namespaces, children_in
from wharf.runtime.spec import Process, Spec
from wharf.runtime.stdio import Stdio


class Execed:
    """A process that runs in a container; `console` is the master of its pseudo-terminal, None without."""

    def __init__(self, pid: int, pidfd: int, console: int | None) -> None:
        self.pid = pid
        self.pidfd = pidfd
        self.console = console

    def close(self) -> None:
        """Close the descriptors that are still held; twice does no harm."""
        for fd in (self.pidfd, self.console):
            if fd is not None and fd >= 0:
                os.close(fd)
        self.pidfd, self.console = -1, None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def exec_process(
    init_pid: int,
    init_pidfd: int,
    spec: Spec,
    process: Process,
    *,
    stdio: Stdio | None,
    console_size: tuple[int, int] | None = None,
    cgroup: Cgroup,
) -> Execed:
    """Execute `process` in the container of `spec`, whose init is given; return after execve(2).

    Namespaces and seccomp filter are the container's, everything else is the process's own. Raises ExecFailed
    with the process reaped and everything undone.
    """
    try:
        birth.check_process(process, stdio)
        namespaces = Namespaces.of(spec)
        session = os.path.basename(birth.cgroup_path(spec))
        # Here rather than in the child: the next process of the same container finds it compiled.
        filter_ = filter_of(spec)
    except (CreateFailed, Refused) as error:
        raise EXEC_KINDS["invoke"](f"{birth.STARTING}{error}") from error
    del init_pid  # the pidfd says more: it is never another process's
    visit = enter.Visit(spec, process, init_pidfd, namespaces.own, session, filter_, stdio, console_size)
    try:
        return _execute(visit, cgroup)
    except OSError as error:
        raise CannotExec(f"{birth.STARTING}{text_of(error)}") from error


def _execute(visit: enter.Visit, cgroup: Cgroup) -> Execed:
    with ExitStack() as undo:
        ours, theirs = Channel.pair()
        undo.callback(ours.close)
        with ExitStack() as born:
            born.callback(theirs.close)
            place = birth.Place(cgroup, born)
            pid, pidfd = _clone(visit, place, theirs, ours)
        undo.callback(os.close, pidfd)
        undo.callback(birth.end, pidfd)
        newborn = birth.Newborn(pid, ours)
        undo.callback(newborn.close_received)
        try:
            newborn.settle(visit.process)
            newborn.await_ready()
        except birth.NotBorn as error:
            raise EXEC_KINDS.get(error.kind, CannotExec)(error.text) from error
        failpoint("runtime.exec.start")
        ours.send(Start())
        ours.receive()
        ours.close()
        undo.pop_all()
        return Execed(pid, pidfd, newborn.console)


def _clone(visit: enter.Visit, place: birth.Place, channel: Channel, callers_end: Channel) -> tuple[int, int]:
    """Fork into the container's pid namespace; the child does not return."""
    try:
        failpoint("runtime.exec.clone")
        with children_in(visit.init_pidfd):
            pid, pidfd = clone3(cgroup_fd=place.fd)
            if pid == 0:
                try:
                    enter.run(visit, place, channel, callers_end)
                finally:
                    os._exit(1)
    except OSError as error:
        raise CannotExec(f"{birth.STARTING}clone3: {cause(error)}") from error
    return pid, pidfd


__all__ = ["ExecFailed", "Execed", "exec_process"]
