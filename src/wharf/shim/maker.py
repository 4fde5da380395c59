"""Makers: short-lived children of the shim that make processes for it.

Making a container touches some two megabytes of memory that the shim shared with the spawner before, and a
shim lives as long as its container. So a child does it and its memory goes with it: the shim is the nearest
subreaper then, prctl(2), and becomes the parent of whatever the maker leaves behind.

The maker of a container waits for `start` and dies with the shim, and the container's init with it, which
has not executed anything yet.
"""

import os
import signal
import socket
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, NoReturn

from wharf import errors
from wharf.failpoint import failpoint
from wharf.linux import prctl, seqpacket
from wharf.linux.cgroup import Cgroup
from wharf.linux.descriptors import close_others
from wharf.runtime import Stdio, create, exec_process
from wharf.runtime.spec import Process, Spec
from wharf.shim import loop as event
from wharf.shim.loop import Loop
from wharf.shim.protocol import describe, read_bundle
from wharf.shim.record import note_failure

Work = Callable[[socket.socket], None]
"""What a maker does; it reports on the socket."""

OnReport = Callable[[dict[str, object] | None, list[int]], None]
"""Called with each report and its descriptors, now the callee's; with None when the maker has ended."""


class Maker:
    """A maker as the shim sees it: forked already, heard once `listen` is called."""

    __slots__ = ("_loop", "_makers", "_on_report", "_pid", "_sock")

    def __init__(self, makers: "Makers", pid: int, sock: socket.socket) -> None:
        self._makers = makers
        self._pid = pid
        self._sock = sock
        self._loop: Loop | None = None
        self._on_report: OnReport | None = None

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
            if self._on_report is not None:
                self._on_report(*packet)
        self._sock.close()
        _, status = os.waitpid(self._pid, 0)
        self._makers.forget(self, was_killed=os.WIFSIGNALED(status))

    def _receive(self) -> tuple[dict[str, object], list[int]] | None:
        try:
            return seqpacket.receive(self._sock)
        except OSError:
            return None

    def _on_ready(self, _events: int) -> None:
        assert self._on_report is not None
        packet = self._receive()
        if packet is None:
            self.end()
            self._on_report(None, [])
        else:
            self._on_report(*packet)


class Makers:
    """All makers of the shim of `bundle`; while there is one, orphans become this process's children."""

    def __init__(self, bundle: str) -> None:
        self.bundle = bundle
        self.reported: Callable[[], Collection[int]] = tuple
        """The processes that makers have reported and that are our children now."""
        self._living: set[Maker] = set()
        self._may_have_strays = False

    def fork(self, work: Work, keep: Sequence[int] = ()) -> Maker:
        """Fork a maker which does `work` with no descriptors but 0 to 2, its socket and `keep`."""
        ours, theirs = seqpacket.pair()
        if not self._living:
            prctl.set_child_subreaper(enabled=True)
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
        maker = Maker(self, pid, ours)
        self._living.add(maker)
        return maker

    def _be_maker(self, work: Work, sock: socket.socket, keep: set[int], shim: int) -> NoReturn:
        """The maker's whole life, up to _exit: a process border."""
        try:
            prctl.set_pdeathsig(signal.SIGKILL)
            if os.getppid() == shim:
                close_others(keep)
                work(sock)
        except (errors.EngineError, OSError) as error:
            seqpacket.send(sock, {"error": describe(error)})
        except BaseException:
            note_failure(self.bundle)
        finally:
            os._exit(0)

    def forget(self, maker: Maker, *, was_killed: bool) -> None:
        """Count off a maker that has ended."""
        self._living.discard(maker)
        self._may_have_strays |= was_killed
        if not self._living:
            prctl.set_child_subreaper(enabled=False)
            if self._may_have_strays:
                self._may_have_strays = False
                self._end_strays()

    def _end_strays(self) -> None:
        """Kill and reap what a killed maker had made and not reported.

        A child of ours that nobody reaps would keep the container's pid namespace from ending
        (pid_namespaces(7)), and the container with it.
        """
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            children = set(map(int, file.read().split()))
        for pid in children.difference(self.reported()):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


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


def make_container(sock: socket.socket, bundle: str, held: Mapping[str, int] = MappingProxyType({})) -> None:
    """Make the container of `bundle`, report it, and start it when told so.

    `held` are namespaces of its last run, by type, which it joins. Reports {"pid", "cgroup", "stdin_once",
    "log", "console", "oom", "netlink", "shares", "restart", "health"} with [pidfd, streams…, oom, netlink],
    then {"started_at"}; or {"error"}.
    """
    config, spec = read_bundle(bundle)
    namespaces = spec.get("linux", {}).get("namespaces") or []
    for namespace in namespaces:
        if (fd := held.get(namespace["type"])) is not None:
            namespace["path"] = f"/proc/self/fd/{fd}"
    pipes = None if config["tty"] else open_pipes(stdin=config["open_stdin"])
    size = config.get("console_size")
    failpoint("shim.create")
    init = create(
        spec,
        bundle,
        root=config["root"],
        stdio=pipes.theirs if pipes else None,
        console_size=(size[0], size[1]) if size else None,
    )
    streams = pipes.ours if pipes else [fd for fd in (init.console,) if fd is not None]
    report = {
        "pid": init.pid,
        "cgroup": init.cgroup.path,
        "stdin_once": config["stdin_once"],
        "log": config["log"],
        "console": init.console is not None,
        "netlink": init.netlink is not None,
        "shares": [one["type"] for one in namespaces if one.get("path") or one["type"] == "network"],
        "restart": config.get("restart"),
        "health": config.get("health"),
    }
    netlink = [init.netlink] if init.netlink is not None else []
    oom = [watch] if (watch := _watch_oom(init.cgroup)) is not None else []
    report["oom"] = bool(oom)
    seqpacket.send(sock, report, [init.pidfd, *streams, *oom, *netlink])
    # Neither our copies of the streams nor the network namespace may outlive what they belong to.
    seqpacket.close_all([*streams, *oom, *netlink, *(pipes.theirs if pipes else ())])
    init.console = init.netlink = None
    if seqpacket.receive(sock) is None:
        return
    failpoint("shim.start")
    init.start()
    seqpacket.send(sock, {"started_at": time.time_ns()})


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


def make_process(sock: socket.socket, bundle: str, process: Process, target: Target, *, stdin: bool) -> None:
    """Execute `process` in the container of `bundle`, which is `target`.

    Reports {"pid", "console"} with [pidfd, streams…] after execve(2), or {"error"}.
    """
    _, spec = read_bundle(bundle)
    _execute(sock, spec, process, target, stdin=stdin)


def make_probe(sock: socket.socket, bundle: str, target: Target) -> None:
    """Execute the health check of the container of `bundle` in it, as `make_process` does."""
    config, spec = read_bundle(bundle)
    probe = config.get("probe")
    if probe is None:
        raise errors.InvalidParameter("the container has no health check")
    _execute(sock, spec, probe, target, stdin=False)


def _execute(sock: socket.socket, spec: Spec, process: Process, target: Target, *, stdin: bool) -> None:
    pipes = None if process.get("terminal") else open_pipes(stdin=stdin)
    box = process.get("consoleSize")
    failpoint("shim.exec")
    execed = exec_process(
        target.pid,
        target.pidfd,
        spec,
        process,
        stdio=pipes.theirs if pipes else None,
        console_size=(box["height"], box["width"]) if box else None,
        cgroup=Cgroup.load(target.cgroup),
    )
    streams = pipes.ours if pipes else [fd for fd in (execed.console,) if fd is not None]
    report = {"pid": execed.pid, "console": execed.console is not None}
    seqpacket.send(sock, report, [execed.pidfd, *streams])
