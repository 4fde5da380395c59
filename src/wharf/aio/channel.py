"""A packet channel (`linux/seqpacket.py`) on the event loop.

One reader at a time: either `receive`, or `listen` for good. Any number of tasks may `send`; packets leave in
the order of the calls.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Self

from wharf.linux import seqpacket

Packet = tuple[dict[str, object], list[int]]


def wake(waiter: "asyncio.Future[None]") -> Callable[[], None]:
    """Return what ends the wait for `waiter`, any number of times."""

    def done() -> None:
        if not waiter.done():
            waiter.set_result(None)

    return done


class Channel:
    """Owns `sock`, a SOCK_SEQPACKET socket."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._sending = asyncio.Lock()
        self._waiters: set[asyncio.Future[None]] = set()
        self._listening = False

    @classmethod
    async def connect(cls, path: str) -> Self:
        """Return a channel to the socket at `path`, of any length; raises OSError when nobody listens there.

        sun_path holds 108 bytes, unix(7), so the folder is named by a descriptor.
        """
        folder = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(
                sock, f"/proc/self/fd/{folder}/{os.path.basename(path)}"
            )
        except BaseException:
            sock.close()
            raise
        finally:
            os.close(folder)
        return cls(sock)

    async def send(self, message: Mapping[str, object], fds: Sequence[int] = ()) -> None:
        """Send `message` with copies of `fds`; returns once the kernel has it.

        Raises OSError as `seqpacket.send`; ConnectionError when either side is closed.
        """
        packet = seqpacket.encode(message)
        async with self._sending:
            while True:
                self._check_open()
                try:
                    seqpacket.send_packet(self._sock, packet, fds)
                except BlockingIOError:
                    await self._ready(self._loop.add_writer, self._loop.remove_writer)
                else:
                    return

    async def receive(self) -> Packet | None:
        """Return the next message and its descriptors (now the caller's), or None at the end.

        Raises ProtocolError (OSError) for a message this protocol does not have.
        """
        assert not self._listening, "a channel has one reader"
        while True:
            self._check_open()
            try:
                return seqpacket.receive(self._sock)
            except BlockingIOError:
                await self._ready(self._loop.add_reader, self._loop.remove_reader)

    def listen(
        self,
        on_packet: Callable[[dict[str, object], list[int]], None],
        on_end: Callable[[OSError | None], None],
    ) -> None:
        """Give each message to `on_packet`, which owns its descriptors; at the end call `on_end` once."""
        assert not self._listening, "a channel has one reader"
        self._listening = True
        self._loop.add_reader(self._sock, self._deliver, on_packet, on_end)

    def _deliver(
        self,
        on_packet: Callable[[dict[str, object], list[int]], None],
        on_end: Callable[[OSError | None], None],
    ) -> None:
        """Take one message: the loop comes back while there are more, and others get their turn."""
        reason: OSError | None = None
        try:
            packet = seqpacket.receive(self._sock)
        except BlockingIOError:
            return
        except OSError as error:
            packet, reason = None, error
        if packet is not None:
            on_packet(*packet)
            return
        self._loop.remove_reader(self._sock)
        self._listening = False
        on_end(reason)

    @property
    def is_open(self) -> bool:
        """Whether our side is open."""
        return self._sock.fileno() >= 0

    def close(self) -> None:
        """Close our side; whoever waits here gets ConnectionError. Harmless when done already."""
        if not self.is_open:
            return
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self._sock.close()
        for waiter in self._waiters:
            wake(waiter)()

    def _check_open(self) -> None:
        if not self.is_open:
            raise ConnectionAbortedError("the channel was closed here")

    async def _ready(
        self,
        add: Callable[[socket.socket, Callable[[], None]], object],
        remove: Callable[[socket.socket], object],
    ) -> None:
        waiter = self._loop.create_future()
        self._waiters.add(waiter)
        add(self._sock, wake(waiter))
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)
            if self.is_open:
                remove(self._sock)
