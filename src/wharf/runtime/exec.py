"""A process executed in a running container: `become_process` is it; `exec_process` has that done."""

import os
from contextlib import ExitStack
from typing import NoReturn, Self

from wharf.failpoint import failpoint
from wharf.linux.cgroup import Cgroup
from wharf.runtime import birth, enter
from wharf.runtime.errors import EXEC_KINDS, CannotExec, CreateFailed, Refused, text_of
from wharf.runtime.filters import filter_of
from wharf.runtime.message import Channel
from wharf.runtime.namespaces import Namespaces
from wharf.runtime.spec import Process, Spec
from wharf.runtime.stdio import Stdio


class Execed:
    """A process that runs in a container; `console` is the master of its pseudo-terminal, None without."""

    def __init__(self, newborn: birth.Newborn) -> None:
        self.pid = newborn.pid
        self._newborn = newborn

    @property
    def pidfd(self) -> int:
        """The process, by descriptor; -1 once closed."""
        return self._newborn.pidfd

    @property
    def console(self) -> int | None:
        """The master of its terminal."""
        return self._newborn.console

    def close(self) -> None:
        """Close the descriptors that are still held; twice does no harm."""
        self._newborn.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def exec_process(
    init_pidfd: int,
    spec: Spec,
    process: Process,
    *,
    stdio: Stdio | None,
    console_size: tuple[int, int] | None = None,
    cgroup: Cgroup,
) -> Execed:
    """Execute `process` in a container and return after execve(2); the arguments are `become_process`'s.

    The caller has one thread, and reaps the process. Raises ExecFailed with everything undone.
    """
    try:
        newborn = birth.Newborn(
            lambda channel: become_process(
                init_pidfd, spec, process, channel, stdio=stdio, console_size=console_size, cgroup=cgroup
            )
        )
    except OSError as error:
        raise CannotExec(f"{birth.STARTING}{text_of(error)}") from error
    with ExitStack() as undo:
        undo.callback(newborn.end)
        try:
            newborn.await_started()
        except birth.NotBorn as error:
            raise EXEC_KINDS[error.kind](error.text) from error
        undo.pop_all()
    return Execed(newborn)


def become_process(
    init_pidfd: int,
    spec: Spec,
    process: Process,
    channel: Channel,
    *,
    stdio: Stdio | None,
    console_size: tuple[int, int] | None = None,
    cgroup: Cgroup,
) -> NoReturn:
    """Be `process` in the container of `spec`, whose init is given: a maker's work.

    Namespaces and seccomp filter are the container's, everything else is the process's own. A child of the
    maker's parent, though it lives in the container's pid namespace.
    """
    with birth.telling(channel), ExitStack() as stack:
        try:
            birth.check_process(process, stdio)
            namespaces = Namespaces.of(spec)
            session = os.path.basename(birth.cgroup_path(spec))
        except CreateFailed as error:
            raise Refused(str(error), "invoke") from error
        birth.set_oom_score(process)
        visit = enter.Visit(
            spec, process, init_pidfd, namespaces.own, session, filter_of(spec), stdio, console_size
        )
        place = birth.Place(cgroup, stack)
        failpoint("runtime.exec.clone")
        birth.go_on_in(0, channel, place, init_pidfd)
        enter.run(visit, place, channel)
