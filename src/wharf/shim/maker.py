"""Makers: children of the shim that make processes for it, and become them.

Making a container touches some two megabytes of memory that the shim shared with the spawner before, and a
shim lives as long as its container. So a child does it and its memory goes with it. What it makes is the
shim's child from its first moment on (`runtime.become`).

The maker of a container waits for `start` and dies with the shim, and the container's init with it, which
has not executed anything yet.
"""

import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, NoReturn, cast

from wharf import errors
from wharf.failpoint import failpoint
from wharf.linux import prctl, seqpacket
from wharf.linux.cgroup import Cgroup
from wharf.linux.descriptors import close_others
from wharf.runtime import Stdio, become, become_process
from wharf.runtime.birth import failure
from wharf.runtime.message import Born, Channel, Failed, Opened, Ready, Started, from_object, to_object
from wharf.runtime.spec import Process, Spec
from wharf.shim import loop as event
from wharf.shim.loop import Loop
from wharf.shim.protocol import read_bundle
from wharf.shim.record import note_failure

Work = Callable[[socket.socket], None]
"""What a maker does; it tells of itself on the socket, as `runtime.message` has it, after a `Planned`."""


class Planned(NamedTuple):
    """A maker's first report: what it has read of its order. Our ends of the pipes come with it."""

    about: dict[str, object]


Report = Planned | Ready | Started | Failed
"""`Started` is told as the program is executed; what execve(2) refuses has started, for Docker."""

OnReport = Callable[[Report | None], None]
"""Called with each report; with None when the maker has ended without having started a program."""


class Maker:
    """A maker as the shim sees it: forked already, heard once `listen` is called.

    What it makes: `pid` is 0 and `pidfd` -1 until it is born; `streams` are our ends of its standard streams,
    with the master of a terminal as the only one where `is_terminal`; `netlink` is a socket inside its new
    network namespace. The descriptors are the taker's.
    """

    __slots__ = (
        "_has_started",
        "_loop",
        "_maker",
        "_on_report",
        "_sock",
        "is_terminal",
        "netlink",
        "pid",
        "pidfd",
        "streams",
    )

    def __init__(self, pid: int, sock: socket.socket) -> None:
        self.pid = 0
        self.pidfd = -1
        self.streams: list[int] = []
        self.is_terminal = False
        self.netlink: list[int] = []
        self._maker = pid
        self._sock = sock
        self._loop: Loop | None = None
        self._on_report: OnReport = _nobody
        self._has_started = False

    def listen(self, loop: Loop, on_report: OnReport) -> None:
        """Hear the maker's reports from now on."""
        self._loop = loop
        self._on_report = on_report
        loop.add(self._sock.fileno(), event.IN, self._on_ready)

    def say(self, message: dict[str, object]) -> None:
        """Tell the maker something; one that has ended is heard of by its end."""
        try:
            seqpacket.send(self._sock, message)
        except OSError:
            return

    def end(self) -> None:
        """Wait until the maker is gone, and take what it still reports; harmless when done already.

        It goes soon: it waits for nothing but us, or a process that has ended or executed its program.
        """
        if self._sock.fileno() < 0:
            return
        if self._loop is not None:
            self._loop.remove(self._sock.fileno())
        self._sock.shutdown(socket.SHUT_WR)
        while (packet := self._receive()) is not None:
            self._take(*packet)
        self._sock.close()
        os.waitpid(self._maker, 0)

    def _receive(self) -> tuple[dict[str, object], list[int]] | None:
        try:
            return seqpacket.receive(self._sock)
        except OSError:
            return None

    def _on_ready(self, _events: int) -> None:
        packet = self._receive()
        if packet is not None:
            self._take(*packet)
            return
        self.end()
        if not self._has_started:
            self._on_report(None)

    def _take(self, fields: dict[str, object], fds: list[int]) -> None:
        if "planned" in fields:
            self.streams = fds
            self._on_report(Planned(cast("dict[str, object]", fields["planned"])))
            return
        match message := from_object(fields):
            case Born(pid):
                self.pid, self.pidfd = pid, os.pidfd_open(pid)
            case Opened(console, netlink):
                if console:
                    self.streams, self.is_terminal = [fds[0]], True
                if netlink:
                    self.netlink = [fds[-1]]
            case Started():
                self._has_started = True
                self._on_report(message)
            case Ready() | Failed():
                self._on_report(message)

    def reap(self) -> None:
        """Reap what was born and has ended without anybody having taken it, and close what came of it."""
        if self.pidfd >= 0:
            os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED)
            os.close(self.pidfd)
        seqpacket.close_all([*self.streams, *self.netlink])


def _nobody(_report: Report | None) -> None:
    """Nobody listens yet."""


class Makers:
    """What all makers of the shim of `bundle` have in common."""

    __slots__ = ("bundle",)

    def __init__(self, bundle: str) -> None:
        self.bundle = bundle

    def fork(self, work: Work, keep: Sequence[int] = ()) -> Maker:
        """Fork a maker which does `work` with no descriptors but 0 to 2, its socket and `keep`."""
        ours, theirs = seqpacket.pair()
        shim = os.getpid()
        failpoint("shim.maker")
        try:
            pid = os.fork()
        except OSError:
            ours.close()
            theirs.close()
            raise
        if pid == 0:
            self._be_maker(work, theirs, {theirs.fileno(), *keep}, shim)
        theirs.close()
        return Maker(pid, ours)

    def _be_maker(self, work: Work, sock: socket.socket, keep: set[int], shim: int) -> NoReturn:
        """The maker's whole life, up to _exit: a process border."""
        try:
            prctl.set_pdeathsig(signal.SIGKILL)
            if os.getppid() == shim:
                close_others(keep)
                work(sock)
        except (errors.EngineError, OSError) as error:
            seqpacket.send(sock, to_object(failure(error)))
        except BaseException:
            note_failure(self.bundle)
        finally:
            os._exit(0)


class Pipes(NamedTuple):
    """The two sides of three pipes; without an open stdin there are two, and the null device."""

    ours: list[int]
    theirs: Stdio


def open_pipes(*, stdin: bool) -> Pipes:
    """Open the streams of a process without a terminal."""
    ours: list[int] = []
    if stdin:
        reads, writes = os.pipe2(os.O_CLOEXEC)
        ours.append(writes)
    else:
        reads = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    outputs = []
    for _ in range(2):
        read, write = os.pipe2(os.O_CLOEXEC)
        ours.append(read)
        outputs.append(write)
    return Pipes(ours, Stdio(reads, *outputs))


def make_container(
    sock: socket.socket, bundle: str, held: Mapping[str, int] = MappingProxyType({})
) -> NoReturn:
    """Make the container of `bundle` and be its init; start it when told so.

    `held` are namespaces of its last run, by type, which it joins.
    """
    config, spec = read_bundle(bundle)
    namespaces = spec.get("linux", {}).get("namespaces") or []
    for namespace in namespaces:
        if (fd := held.get(namespace["type"])) is not None:
            namespace["path"] = f"/proc/self/fd/{fd}"
    pipes = None if config["tty"] else open_pipes(stdin=config["open_stdin"])
    about = {
        "cgroup": spec["linux"]["cgroupsPath"],
        "stdin_once": config["stdin_once"],
        "log": config["log"],
        "shares": [one["type"] for one in namespaces if one.get("path") or one["type"] == "network"],
        "restart": config.get("restart"),
        "health": config.get("health"),
    }
    size = config.get("console_size")
    failpoint("shim.create")
    become(
        spec,
        bundle,
        Channel(sock),
        root=config["root"],
        stdio=pipes.theirs if pipes else None,
        console_size=(size[0], size[1]) if size else None,
        on_cgroup=lambda cgroup: _tell_container(sock, about, pipes, cgroup),
    )


def _tell_container(
    sock: socket.socket, about: Mapping[str, object], pipes: Pipes | None, cgroup: Cgroup
) -> None:
    oom = [watch] if (watch := _watch_oom(cgroup)) is not None else []
    _tell_plan(sock, {**about, "oom": bool(oom)}, [*(pipes.ours if pipes else ()), *oom])


def _tell_plan(sock: socket.socket, about: Mapping[str, object], fds: Sequence[int]) -> None:
    seqpacket.send(sock, {"planned": about}, fds)
    seqpacket.close_all(fds)  # none of our copies may outlive what the streams belong to


def _watch_oom(cgroup: Cgroup) -> int | None:
    try:
        return cgroup.watch_oom()
    except OSError:
        return None  # its end tells whether memory ran out, too


class Target(NamedTuple):
    """The container that processes are executed in; the pidfd is borrowed."""

    pid: int
    pidfd: int
    cgroup: str


def make_process(
    sock: socket.socket, bundle: str, process: Process, target: Target, *, stdin: bool
) -> NoReturn:
    """Be `process` in the container of `bundle`, which is `target`."""
    _, spec = read_bundle(bundle)
    _execute(sock, spec, process, target, stdin=stdin)


def make_probe(sock: socket.socket, bundle: str, target: Target) -> NoReturn:
    """Be the health check of the container of `bundle`, in it."""
    config, spec = read_bundle(bundle)
    probe = config.get("probe")
    if probe is None:
        raise errors.InvalidParameter("the container has no health check")
    _execute(sock, spec, probe, target, stdin=False)


def _execute(sock: socket.socket, spec: Spec, process: Process, target: Target, *, stdin: bool) -> NoReturn:
    pipes = None if process.get("terminal") else open_pipes(stdin=stdin)
    _tell_plan(sock, {}, pipes.ours if pipes else ())
    box = process.get("consoleSize")
    failpoint("shim.exec")
    become_process(
        target.pidfd,
        spec,
        process,
        Channel(sock),
        stdio=pipes.theirs if pipes else None,
        console_size=(box["height"], box["width"]) if box else None,
        cgroup=Cgroup.load(target.cgroup),
    )
