"""The spawner: one warm thread that forks shims and workers on request.

It takes messages from one socket (ARCHITECTURE.md, "wharfd → spawner") and answers each with a pid and a
pidfd. A child does nothing before its answer has left: a request without an answer was never carried out, so
that the client may repeat it. When the socket ends, so does `serve`: workers die with this process (by
PR_SET_PDEATHSIG, prctl(2)), shims stay.

A message with an `id` and something wrong in it is answered with an error; one that is no message ends the
connection. Standard library only: this process must stay small and have one thread.
"""

import gc
import os
import select
import signal
import socket
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, NoReturn, Protocol

from wharf import errors
from wharf.failpoint import failpoint
from wharf.linux import prctl, seqpacket
from wharf.linux.descriptors import close_others
from wharf.shim.protocol import describe
from wharf.spawner.reserve import Recruit, Reserve, StandBy

Job = Callable[[dict[str, object], socket.socket, list[int]], None]
"""`job(args, channel, fds)`: reports on `channel`; it and `fds` are the job's."""

Preparation = Callable[[dict[str, object]], None]
"""`prepare(args)`: do in the spawner itself what its children would do again and again, like filling a cache.
The arguments are wharfd's own, never a user's."""

_GO = b"g"
_IGNORED = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE)
"""Meant for wharfd or a terminal; ignored by all children too, from their first moment on."""
_BUSY_MS = 60
"""How long the reserve stays empty after a request: about as long as the start goes on that took from it."""
_FREE_MS = 4
"""How long it stays empty after a child has ended: nobody waits for a start then, it seems."""


class Program(NamedTuple):
    """What a spawner can do."""

    jobs: Mapping[str, Job]
    reserve: Reserve
    preparations: Mapping[str, Preparation] = {}


def serve(
    sock: socket.socket,
    jobs: Mapping[str, Job],
    stand_by: StandBy,
    preparations: Mapping[str, Preparation] | None = None,
) -> None:
    """Answer requests from `sock` until it ends; returns then. The caller's process has one thread."""
    reserve = Reserve(stand_by)
    program = Program(jobs, reserve, preparations or {})
    wake_r, wake_w = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, _note)
    signal.set_wakeup_fd(wake_w, warn_on_full_buffer=False)
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    poll.register(wake_r, select.POLLIN)
    pause_ms = _FREE_MS
    try:
        while True:
            ready = {fd for fd, _ in poll.poll(pause_ms if reserve.is_wanted else None)}
            if not ready:
                reserve.fill()
            if wake_r in ready:
                os.read(wake_r, 512)
                _reap(reserve)
                pause_ms = _FREE_MS
            if sock.fileno() in ready:
                if not _serve_one(sock, program):
                    return
                pause_ms = _BUSY_MS
    finally:
        reserve.dismiss()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(wake_r)
        os.close(wake_w)


def _note(_number: int, _frame: object) -> None:
    """Let SIGCHLD write to the wakeup descriptor: an ignored signal would not."""


def _reap(reserve: Reserve) -> None:
    """Collect every child that has ended; their pidfds tell whoever cares."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        reserve.has_ended(pid)


def _serve_one(sock: socket.socket, program: Program) -> bool:
    """Carry out one request; False when the connection is over."""
    try:
        packet = seqpacket.receive(sock)
    except seqpacket.ProtocolError as error:
        _complain(str(error))
        return False
    if packet is None:
        return False
    message, fds = packet
    try:
        number = message.get("id")
        if not isinstance(number, int):
            _complain("message without an id")
            return False
        try:
            if message.get("op") == "prepare":
                _prepare(message, program)
                seqpacket.send(sock, {"id": number, "result": {}})
            elif message.get("op") == "shim":
                bundle = _bundle(message, fds)
                _start(sock, number, lambda: _Ordered(program.reserve.take(), bundle, fds[0]))
            else:
                job = _job(message, fds, program)
                _start(sock, number, lambda: _Worker(job, fds))
        except errors.EngineError as error:
            seqpacket.send(sock, {"id": number, "error": describe(error)})
    except (BrokenPipeError, ConnectionResetError):
        return False
    finally:
        seqpacket.close_all(fds)
    return True


def _complain(text: str) -> None:
    os.write(2, f"spawner: {text}\n".encode())


def _prepare(message: dict[str, object], program: Program) -> None:
    """Prepare; raises the preparation's own kind, or InvalidParameter for an ill-typed request."""
    match message:
        case {"name": str(name), "args": dict(args)} if name in program.preparations:
            program.preparations[name](args)
            gc.freeze()
            program.reserve.dismiss()
        case _:
            raise errors.InvalidParameter(f"no such preparation: {message.get('name')!r}")


def _bundle(message: dict[str, object], fds: Sequence[int]) -> str:
    """Return the bundle of a request for a shim; raises InvalidParameter when that is ill-typed."""
    bundle = message.get("bundle")
    if not isinstance(bundle, str):
        raise errors.InvalidParameter("ill-formed request: 'shim'")
    if not bundle.startswith("/") or "\0" in bundle:
        raise errors.InvalidParameter(f"a bundle is an absolute path, not {bundle!r}")
    if len(fds) != 1:
        raise errors.InvalidParameter(f"a shim takes one descriptor, not {len(fds)}")
    return bundle


def _job(message: dict[str, object], fds: Sequence[int], program: Program) -> Callable[[], object]:
    """Return what the worker of a request does; raises InvalidParameter when the request is ill-typed."""
    match message:
        case {"op": "job", "name": str(name), "args": dict(args)}:
            if name not in program.jobs:
                raise errors.InvalidParameter(f"no such job: {name!r}")
            if not fds:
                raise errors.InvalidParameter("a job takes its channel as a descriptor")
            return lambda: _be_worker(program.jobs[name], args, fds)
        case _:
            raise errors.InvalidParameter(f"ill-formed request: {message.get('op')!r}")


class Child(Protocol):
    """A forked child that waits for its answer to have left."""

    pid: int

    def go(self) -> None:
        """Let it do what it is for."""

    def dismiss(self) -> None:
        """Let it end without having done anything; harmless after `go`."""


class _Ordered:
    """A recruit, and the order it is about to get."""

    def __init__(self, recruit: Recruit, bundle: str, channel_fd: int) -> None:
        self.pid = recruit.pid
        self._recruit = recruit
        self._bundle = bundle
        self._channel_fd = channel_fd

    def go(self) -> None:
        self._recruit.order(self._bundle, self._channel_fd)

    def dismiss(self) -> None:
        self._recruit.dismiss()


class _Worker:
    """A child forked for one job."""

    def __init__(self, job: Callable[[], object], keep: Sequence[int]) -> None:
        go_r, self._go_w = os.pipe2(os.O_CLOEXEC)
        parent = os.getpid()
        try:
            failpoint("spawner.fork")
            self.pid = os.fork()
        except OSError:
            os.close(self._go_w)
            raise
        finally:
            if os.getpid() == parent:
                os.close(go_r)
        if self.pid == 0:
            _run_worker(job, parent, go_r, keep)

    def go(self) -> None:
        os.write(self._go_w, _GO)

    def dismiss(self) -> None:
        os.close(self._go_w)


def _start(sock: socket.socket, number: int, fork: Callable[[], Child]) -> None:
    """Fork, answer, and let the child go; a child that cannot be answered for never does anything."""
    try:
        child = fork()
        try:
            failpoint("spawner.forked")
            pidfd = os.pidfd_open(child.pid)  # before any waitpid: the pid cannot be another's yet
            try:
                seqpacket.send(sock, {"id": number, "result": {"pid": child.pid}}, [pidfd])
            finally:
                os.close(pidfd)
            failpoint("spawner.answered")
            child.go()
        finally:
            child.dismiss()
    except (BrokenPipeError, ConnectionResetError):
        raise
    except OSError as error:
        cause = errors.Unavailable(f"cannot start a process: {error.strerror}")
        cause.__cause__ = error
        seqpacket.send(sock, {"id": number, "error": describe(cause)})


def _run_worker(job: Callable[[], object], parent: int, go_r: int, keep: Sequence[int]) -> NoReturn:
    """The worker's whole life, up to _exit: a process border."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        prctl.set_pdeathsig(signal.SIGKILL)
        close_others({go_r, *keep})
        if os.getppid() == parent and os.read(go_r, 1) == _GO:
            os.close(go_r)
            job()
            status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def _be_worker(job: Job, args: dict[str, object], fds: Sequence[int]) -> None:
    """Run `job`; what it raises goes to its channel as an error event."""
    prctl.set_name("wharf-worker")
    gc.enable()
    channel = socket.socket(fileno=fds[0])
    failpoint("spawner.job")
    try:
        job(args, channel, list(fds[1:]))
    except (errors.EngineError, OSError) as error:
        seqpacket.send(channel, {"event": "error", "error": describe(error)})
    except MemoryError:
        refused = errors.Internal("out of memory")
        seqpacket.send(channel, {"event": "error", "error": describe(refused)})
