"""What the caller does for a child just cloned: a container's init, or a process executed later."""

import os
import signal
from contextlib import ExitStack, suppress

from wharf.failpoint import failpoint
from wharf.linux.cgroup import Cgroup
from wharf.runtime.errors import CannotInvoke, Refused, cause
from wharf.runtime.message import Channel, Failed, Opened, Ready
from wharf.runtime.spec import Process, Spec
from wharf.runtime.stdio import Stdio

STARTING = "unable to start container process: "


class NotBorn(Exception):
    """The child could not become what it should; `text` is for the user, `kind` as in `Failed`."""

    def __init__(self, text: str, kind: str = "internal") -> None:
        super().__init__(text)
        self.text = text
        self.kind = kind


class Newborn:
    """A cloned child that has not executed its program yet, and what it has sent so far."""

    def __init__(self, pid: int, channel: Channel) -> None:
        self.pid = pid
        self.console: int | None = None
        self.netlink: int | None = None
        self._channel = channel

    def settle(self, process: Process) -> None:
        """Set what only a parent may set.

        Raises NotBorn. A child that has failed meanwhile says why by itself, in `await_ready`.
        """
        if (score := process.get("oomScoreAdj")) is not None:
            with suppress(ProcessLookupError, FileNotFoundError):
                _set_oom_score(self.pid, score)

    def await_ready(self) -> None:
        """Receive what the child sends until it is ready; raises NotBorn."""
        while True:
            try:
                message, fds = self._channel.receive_with_fds()
            except OSError as error:
                raise NotBorn(f"{STARTING}{cause(error)}") from error
            if isinstance(message, Opened):
                if message.console and fds:
                    self.console = fds.pop(0)
                if message.netlink and fds:
                    self.netlink = fds.pop(0)
            for fd in fds:
                os.close(fd)
            match message:
                case Ready():
                    return
                case Failed(text, kind):
                    raise NotBorn(text if kind == "account" else STARTING + text, kind)
                case None:
                    raise NotBorn(f"{STARTING}the process ended before it was ready")
                case _:
                    pass

    def close_received(self) -> None:
        """Close the descriptors that the child has sent."""
        for fd in (self.console, self.netlink):
            if fd is not None:
                os.close(fd)


def _set_oom_score(pid: int, score: int) -> None:
    """Set oom_score_adj of a child by the caller's own /proc, which no container can have changed."""
    try:
        fd = os.open(f"/proc/{pid}/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, b"%d" % score)
        finally:
            os.close(fd)
    except PermissionError as error:
        raise NotBorn(f"{STARTING}write oom_score_adj: {cause(error)}") from error


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


def end(pidfd: int) -> None:
    """Kill a child and reap it; one that is reaped already is no error."""
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    with suppress(ChildProcessError):
        os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
