"""wharfd's side of the spawner: ask for shims and jobs; a spawner that dies is started again."""

import asyncio
import logging
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Self

from wharf.aio.channel import Channel, wake
from wharf.aio.peer import Answer, Peer, error_of
from wharf.aio.supervisor import Supervisor
from wharf.errors import Unavailable
from wharf.linux import seqpacket

CHANNEL_FD = 3
"""Where the spawner's program finds its end of the channel."""

_ATTEMPTS = 3
_LIMIT_S = 5.0
_STARTING_S = 1.0
_KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "TZ", "WHARF_FAILPOINTS")

Progress = Callable[[dict[str, object]], None]

_log = logging.getLogger(__name__)


def environment(source: Mapping[str, str]) -> dict[str, str]:
    """Return what of `source` a spawner may know: no secrets, and nothing that changes its allocator.

    The thresholds of malloc(3) are pinned, since glibc would raise them after the first large line of a
    log, and a shim would keep that memory for good.
    """
    kept = {name: source[name] for name in _KEPT_VARIABLES if name in source}
    return {**kept, "MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}


class Spawner:
    """Owns the spawner process. `start` one, `close` it; shims outlive it, jobs do not."""

    def __init__(self, program: Sequence[str], variables: Mapping[str, str]) -> None:
        self._program = list(program)
        self._variables = dict(variables)
        self._peer: Peer | None = None
        self._born = 0.0
        self._closing = False
        self._reaped: dict[int, asyncio.Future[None]] = {}
        self._preparations: dict[str, dict[str, object]] = {}
        self._preparing = Supervisor("spawner")

    @classmethod
    async def start(cls, program: Sequence[str], *, variables: Mapping[str, str] | None = None) -> Self:
        """Start `program`, which finds its channel at CHANNEL_FD, with `environment` of `variables`.

        Does not wait until it is warm: requests queue. Raises OSError when it cannot be executed.
        """
        spawner = cls(program, environment(os.environ if variables is None else variables))
        spawner._living()
        return spawner

    async def prepare(self, name: str, args: Mapping[str, object]) -> None:
        """Have this spawner, and each one after it, do preparation `name` for all its children.

        Raises the kind in its answer, or Unavailable.
        """
        await self._ask("prepare", name=name, args=dict(args))
        self._preparations[name] = dict(args)

    async def shim(self, bundle: str) -> tuple[socket.socket, int]:
        """Start the shim of `bundle` and return our end of its channel, and a pidfd; both the caller's.

        Raises Unavailable.
        """
        ours, theirs = seqpacket.pair()
        try:
            with theirs:
                _, pidfd = await self._process("shim", [theirs.fileno()], bundle=bundle)
        except BaseException:
            ours.close()
            raise
        return ours, pidfd

    async def job(
        self,
        name: str,
        args: Mapping[str, object],
        fds: Sequence[int] = (),
        *,
        progress: Progress | None = None,
    ) -> dict[str, object]:
        """Run job `name` in a worker with copies of `fds`, and return the fields of its result.

        `progress` gets each progress event. A cancelled caller waits until the worker is dead. Raises the
        kind of the job's error, or Unavailable when the worker or the spawner dies.
        """
        ours, theirs = seqpacket.pair()
        channel = Channel(ours)
        pidfd = -1
        try:
            with theirs:
                _, pidfd = await self._process("job", [theirs.fileno(), *fds], name=name, args=dict(args))
            while (packet := await channel.receive()) is not None:
                message, received = packet
                seqpacket.close_all(received)
                match message.pop("event", None):
                    case "progress" if progress is not None:
                        progress(message)
                    case "result":
                        return message
                    case "error":
                        raise error_of(message.get("error"))
            raise Unavailable(f"the worker for {name} died")
        except seqpacket.ProtocolError as error:
            raise Unavailable(f"the worker for {name} sent nonsense: {error.strerror}") from error
        except BaseException:
            if pidfd >= 0:
                await _kill(pidfd)
            raise
        finally:
            channel.close()
            if pidfd >= 0:
                os.close(pidfd)

    async def close(self) -> None:
        """End the spawner, and wait for its end; the jobs end with it."""
        self._closing = True
        await self._preparing.close()
        if self._peer is not None:
            await self._peer.close()
        for pidfd, reaped in list(self._reaped.items()):
            try:
                async with asyncio.timeout(_LIMIT_S):
                    await asyncio.shield(reaped)
            except TimeoutError:
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                await reaped

    async def _process(self, op: str, fds: Sequence[int], **fields: object) -> tuple[int, int]:
        """Return the pid and pidfd of a new process."""
        result, received = await self._ask(op, fds, **fields)
        match result, received:
            case {"pid": int(pid)}, [pidfd]:
                return pid, pidfd
        seqpacket.close_all(received)
        raise Unavailable("the spawner sent an ill-formed answer")

    async def _ask(self, op: str, fds: Sequence[int] = (), **fields: object) -> Answer:
        """Return the answer to a request.

        What was not answered was not done (`spawner/server.py`), so it is asked again of the next spawner.
        """
        for _ in range(_ATTEMPTS):
            try:
                peer = self._living()
            except OSError as error:
                raise Unavailable(f"cannot start the spawner: {error.strerror}") from error
            try:
                return await peer.call(op, fds, **fields)
            except Unavailable:
                if not peer.closed.done():
                    raise
        raise Unavailable(f"the spawner died {_ATTEMPTS} times while asked for a {op}")

    def _living(self) -> Peer:
        """Return the way to a living spawner, started here if need be; raises OSError."""
        if self._closing:
            raise Unavailable("the engine is stopping")
        if self._peer is None or self._peer.closed.done():
            self._peer = self._launch()
        return self._peer

    def _launch(self) -> Peer:
        self._born = time.monotonic()
        ours, theirs = seqpacket.pair()
        with theirs:
            try:
                pid = os.posix_spawn(
                    self._program[0],
                    self._program,
                    self._variables,
                    file_actions=[
                        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0),
                        (os.POSIX_SPAWN_DUP2, theirs.fileno(), CHANNEL_FD),
                    ],
                    setsid=True,
                    setsigmask=[],
                    setsigdef=sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}),
                )
            except BaseException:
                ours.close()
                raise
        pidfd = os.pidfd_open(pid)
        loop = asyncio.get_running_loop()
        self._reaped[pidfd] = loop.create_future()
        loop.add_reader(pidfd, self._reap, pid, pidfd)
        peer = Peer(Channel(ours), lambda _message, fds: seqpacket.close_all(fds))
        peer.closed.add_done_callback(self._died)
        for name, args in self._preparations.items():
            self._preparing.start(peer.call("prepare", name=name, args=args))
        return peer

    def _reap(self, pid: int, pidfd: int) -> None:
        asyncio.get_running_loop().remove_reader(pidfd)
        _, status = os.waitpid(pid, 0)
        os.close(pidfd)
        wake(self._reaped.pop(pidfd))()
        if not self._closing:
            _log.warning("the spawner ended with status %d", os.waitstatus_to_exitcode(status))

    def _died(self, _closed: object) -> None:
        """Start another one at once, unless this one died of starting: then the next request tries."""
        if self._closing:
            return
        _log.warning("the connection to the spawner is lost")
        if time.monotonic() - self._born > _STARTING_S:
            try:
                self._living()
            except OSError as error:
                _log.error("cannot start the spawner: %s", error)


async def _kill(pidfd: int) -> None:
    """Kill the process and wait for its death, cancelled or not, but not for ever."""
    try:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    except ProcessLookupError:
        return
    gone = asyncio.ensure_future(asyncio.to_thread(_wait, pidfd))
    while not gone.done():
        try:
            await asyncio.shield(gone)
        except asyncio.CancelledError:
            continue


def _wait(pidfd: int) -> None:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    poll.poll(_LIMIT_S * 1000)
