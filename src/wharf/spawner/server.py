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
from typing import NamedTuple, NoReturn

from wharf import errors
from wharf.failpoint import failpoint
from wharf.linux import prctl, seqpacket
from wharf.linux.descriptors import close_others
from wharf.shim.protocol import describe

Job = Callable[[dict[str, object], socket.socket, list[int]], None]
"""`job(args, channel, fds)`: reports on `channel`; it and `fds` are the job's."""

RunShim = Callable[[str, socket.socket], NoReturn]
"""`run_shim(bundle, channel)`: be the shim of the container in the folder `bundle`."""

Preparation = Callable[[dict[str, object]], None]
"""`prepare(args)`: do in the spawner itself what its children would do again and again, like filling a cache.
The arguments are wharfd's own, never a user's."""

_GO = b"g"


class Program(NamedTuple):
    """What a spawner can do."""

    jobs: Mapping[str, Job]
    run_shim: RunShim
    preparations: Mapping[str, Preparation] = {}


def serve(
    sock: socket.socket,
    jobs: Mapping[str, Job],
    run_shim: RunShim,
    preparations: Mapping[str, Preparation] | None = None,
) -> None:
    """Answer requests from `sock` until it ends; returns then. The caller's process has one thread."""
    program = Program(jobs, run_shim, preparations or {})
    wake_r, wake_w = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.signal(signal.SIGCHLD, _note)
    signal.set_wakeup_fd(wake_w, warn_on_full_buffer=False)
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    poll.register(wake_r, select.POLLIN)
    try:
        while True:
            ready = {fd for fd, _ in poll.poll()}
            if wake_r in ready:
                os.read(wake_r, 512)
                _reap()
            if sock.fileno() in ready and not _serve_one(sock, program):
                return
    finally:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(wake_r)
        os.close(wake_w)


def _note(_number: int, _frame: object) -> None:
    """Let SIGCHLD write to the wakeup descriptor: an ignored signal would not."""


def _reap() -> None:
    """Collect every child that has ended; their pidfds tell whoever cares."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return


def _serve_one(sock: socket.socket, program: Program) -> bool:
    """Carry out one request; False when the connection is over."""
    try:
        packet = seqpacket.receive(sock)
    except seqpacket.ProtocolError as error:
        _complain(str(error))
        return False
    except ConnectionResetError:
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
                return True
            child = _child(message, fds, program)
        except errors.EngineError as error:
            seqpacket.send(sock, {"id": number, "error": describe(error)})
        else:
            _fork(sock, number, child, keep=fds)
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
        case _:
            raise errors.InvalidParameter(f"no such preparation: {message.get('name')!r}")


def _child(message: dict[str, object], fds: Sequence[int], program: Program) -> Callable[[], object]:
    """Return what the child of a request has to do; raises InvalidParameter when the request is ill-typed."""
    match message:
        case {"op": "shim", "bundle": str(bundle)}:
            if not bundle.startswith("/") or "\0" in bundle:
                raise errors.InvalidParameter(f"a bundle is an absolute path, not {bundle!r}")
            if len(fds) != 1:
                raise errors.InvalidParameter(f"a shim takes one descriptor, not {len(fds)}")
            return lambda: _be_shim(bundle, fds[0], program.run_shim)
        case {"op": "job", "name": str(name), "args": dict(args)}:
            if name not in program.jobs:
                raise errors.InvalidParameter(f"no such job: {name!r}")
            if not fds:
                raise errors.InvalidParameter("a job takes its channel as a descriptor")
            return lambda: _be_worker(program.jobs[name], args, fds)
        case _:
            raise errors.InvalidParameter(f"ill-formed request: {message.get('op')!r}")


def _fork(sock: socket.socket, number: int, child: Callable[[], object], keep: Sequence[int]) -> None:
    """Fork, answer, and let the child go; a child that cannot be answered for never does anything."""
    go_r, go_w = os.pipe2(os.O_CLOEXEC)
    parent = os.getpid()
    try:
        failpoint("spawner.fork")
        pid = os.fork()
        if pid == 0:
            _run_child(child, parent, go_r, keep)
        try:
            failpoint("spawner.forked")
            pidfd = os.pidfd_open(pid)  # before any waitpid: the pid cannot be another's yet
            try:
                seqpacket.send(sock, {"id": number, "result": {"pid": pid}}, [pidfd])
            finally:
                os.close(pidfd)
        except OSError:
            os.kill(pid, signal.SIGKILL)
            raise
        failpoint("spawner.answered")
        os.write(go_w, _GO)
    except (BrokenPipeError, ConnectionResetError):
        raise
    except OSError as error:
        cause = errors.Unavailable(f"cannot start a process: {error.strerror}")
        cause.__cause__ = error
        seqpacket.send(sock, {"id": number, "error": describe(cause)})
    finally:
        os.close(go_r)
        os.close(go_w)


def _run_child(child: Callable[[], object], parent: int, go_r: int, keep: Sequence[int]) -> NoReturn:
    """The child's whole life, up to _exit: a process border."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        prctl.set_pdeathsig(signal.SIGKILL)  # lifted again for shims
        close_others({go_r, *keep})
        if os.getppid() == parent and os.read(go_r, 1) == _GO:
            os.close(go_r)
            child()
            status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def _be_shim(bundle: str, channel_fd: int, run_shim: RunShim) -> NoReturn:
    os.setsid()
    prctl.set_pdeathsig(0)
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for fd in range(3):
        os.dup2(null, fd)
    os.close(null)
    failpoint("spawner.shim")
    run_shim(bundle, socket.socket(fileno=channel_fd))


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
