"""How a process of a container comes to be, an init or one executed later, and what its caller hears of it.

A *maker*, forked from the caller, does the work and becomes the process (`clone.succeed`): what it has read
and thought out is at hand in the new namespaces, and none of it is copied. The process is a child of the
caller's from its first moment on.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import NoReturn

from wharf.errors import EngineError, InvalidParameter
from wharf.failpoint import failpoint
from wharf.linux import prctl
from wharf.linux.cgroup import Cgroup
from wharf.linux.clone import CloneFlag, setns, succeed
from wharf.runtime.errors import (
    CREATE_KINDS,
    CannotInvoke,
    CreateFailed,
    Refused,
    cause,
    describe_bug,
    text_of,
)
from wharf.runtime.message import Born, Channel, Failed, Opened, Ready, Started
from wharf.runtime.spec import Process, Spec
from wharf.runtime.stdio import Stdio

STARTING = "unable to start container process: "

Work = Callable[[Channel], NoReturn]
"""What a maker does; it tells of itself on the channel."""


class NotBorn(Exception):
    """There is no such process; `text` is for the user, `kind` as in `Failed`."""

    def __init__(self, text: str, kind: str = "internal") -> None:
        super().__init__(text)
        self.text = text
        self.kind = kind


class Newborn:
    """A process on its way, and what it has told so far. `pid` is 0 and `pidfd` -1 until it is born."""

    def __init__(self, work: Work) -> None:
        """Fork the maker; raises OSError."""
        self.channel, theirs = Channel.pair()
        self.pid = 0
        self.pidfd = -1
        self.console: int | None = None
        self.netlink: int | None = None
        try:
            self._maker = os.fork()
        except OSError:
            self.channel.close()
            theirs.close()
            raise
        if self._maker == 0:
            self._be_maker(work, theirs)
        theirs.close()

    def _be_maker(self, work: Work, channel: Channel) -> NoReturn:
        try:
            # Else this process would hold its own channel open, and never see that the caller is gone.
            self.channel.close()
            work(channel)
        finally:
            os._exit(1)

    def await_ready(self) -> None:
        """Return when only execve(2) is left; raises NotBorn."""
        self._hear_until(Ready)

    def await_started(self) -> None:
        """Return when the program is executed, with the maker reaped; raises NotBorn."""
        self._hear_until(Started)
        self._hear_until(type(None))
        self.channel.close()
        self._reap_maker()

    def _hear_until(self, last: type) -> None:
        while True:
            try:
                message, fds = self.channel.receive_with_fds()
            except OSError as error:
                raise NotBorn(f"{STARTING}{cause(error)}") from error
            if isinstance(message, Opened):
                if message.console and fds:
                    self.console = fds.pop(0)
                if message.netlink and fds:
                    self.netlink = fds.pop(0)
            for fd in fds:
                os.close(fd)
            if isinstance(message, last):
                return
            match message:
                case Born(pid):
                    self.pid, self.pidfd = pid, os.pidfd_open(pid)
                case Failed(text, kind):
                    raise NotBorn(text, kind)
                case None:
                    raise NotBorn(f"{STARTING}the process ended before it was ready")

    def end(self) -> None:
        """Kill and reap the process and its maker, and close what was received; twice does no harm."""
        self.channel.close()
        if self.pidfd >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED)
        self._reap_maker()  # it ends with what it became, or by its own failure
        self.close()

    def close(self) -> None:
        """Close every descriptor that is still held; twice does no harm."""
        self.channel.close()
        for name in ("pidfd", "console", "netlink"):
            fd = getattr(self, name)
            if fd is not None and fd >= 0:
                os.close(fd)
        self.pidfd, self.console, self.netlink = -1, None, None

    def _reap_maker(self) -> None:
        if self._maker:
            with suppress(ChildProcessError):
                os.waitpid(self._maker, 0)
            self._maker = 0


def go_on_in(flags: int, channel: Channel, place: "Place", pid_namespace_fd: int | None) -> None:
    """Become a new process with CloneFlag `flags`, and tell that it is born.

    `pid_namespace_fd` is a pid namespace to be born in, by itself or by a pidfd of a member. Raises Refused.
    """
    try:
        if pid_namespace_fd is not None:
            setns(pid_namespace_fd, CloneFlag.NEWPID)
        pid = succeed(flags, cgroup_fd=place.fd)
    except OSError as error:
        raise Refused(f"clone3: {cause(error)}") from error
    channel.send(Born(pid))


@contextmanager
def telling(channel: Channel, during: str = "") -> Iterator[None]:
    """Tell the caller of what fails in the block, and end this process; `during` names the phase."""
    try:
        yield
    except BaseException as error:  # the border of this process
        with suppress(OSError):
            channel.send(failure(error, during))
    os._exit(1)


def failure(error: BaseException, during: str = "") -> Failed:
    """Return what is told of a step that failed."""
    if isinstance(error, CreateFailed):
        kinds = (name for name, kind in CREATE_KINDS.items() if isinstance(error, kind))
        return Failed(str(error), next(kinds, "internal"))
    kind = "internal"
    match error:
        case Refused():
            text, kind = str(error), error.kind
        case InvalidParameter():
            text, kind = str(error), "invoke"
        case EngineError():
            text = str(error)
        case OSError():
            text = text_of(error)
        case _:
            text = describe_bug(error)
    return Failed(text if kind == "account" else f"{STARTING}{during}{text}", kind)


def isolate(channel: Channel, *, pdeathsig: bool) -> None:
    """Close this process to inspection, lead a session, and let no descriptor outlive execve(2).

    With `pdeathsig` it dies with its caller from here on; a caller that is gone already ends it now.
    """
    prctl.set_dumpable(dumpable=False)
    if pdeathsig:
        prctl.set_pdeathsig(signal.SIGKILL)
        if channel.is_ended():
            os._exit(1)
    failpoint("runtime.init")
    prctl.close_on_exec_from(3)
    os.setsid()
    os.umask(0)


def set_oom_score(process: Process) -> None:
    """Set this process's oom_score_adj, which what it becomes inherits: proc_pid_oom_score_adj(5).

    By the caller's own /proc, which no container can have changed. Raises Refused.
    """
    score = process.get("oomScoreAdj")
    if score is None:
        return
    try:
        fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, b"%d" % score)
        finally:
            os.close(fd)
    except PermissionError as error:
        raise Refused(f"write oom_score_adj: {cause(error)}") from error


def check_process(process: Process, stdio: Stdio | None) -> None:
    """Refuse a process object that cannot be run; raises CannotInvoke with runc's words."""
    if bool(process.get("terminal")) != (stdio is None):
        raise CannotInvoke("stdio is for a process without a terminal, and only for it")
    if not process.get("args"):
        raise CannotInvoke("args must not be empty")
    cwd = process.get("cwd", "")
    if not cwd.startswith("/"):
        raise CannotInvoke("Cwd must be an absolute path")
    if any("\0" in text for text in (cwd, *(process.get("args") or ()))):
        raise CannotInvoke("a NUL byte stands in an argument")
    for name in ("scheduler", "ioPriority", "selinuxLabel"):
        if process.get(name):
            raise CannotInvoke(f"process.{name} is not supported")


class Place:
    """The cgroup that a child takes up: by clone3 as far as the kernel can, by itself for the rest."""

    def __init__(self, cgroup: Cgroup, stack: ExitStack) -> None:
        """`stack` closes what the clone needs."""
        self._cgroup = cgroup
        self.fd = cgroup.birthplace()
        if self.fd is not None:
            stack.callback(os.close, self.fd)

    def enter(self) -> None:
        """Be in the cgroup; the child's first step, while it still sees the hierarchies. Raises Refused."""
        failpoint("runtime.cgroup.enter")
        try:
            self._cgroup.enter(is_born=self.fd is not None)
        except OSError as error:
            raise Refused(f"unable to apply cgroup configuration: {error}") from error


def cgroup_path(spec: Spec) -> str:
    """Return the path of the container's cgroup; raises CannotInvoke when there is none."""
    path = spec.get("linux", {}).get("cgroupsPath")
    if not path:
        raise CannotInvoke("linux.cgroupsPath must not be empty")
    return path if path.startswith("/") else f"/{path}"
