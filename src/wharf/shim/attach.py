"""A client joined to a process: its socket, what it is owed, what it types.

One that comes with a gate, a descriptor, is given nothing before that ends: somebody else writes to its
socket until then, the log of what was before.

The socket is any stream socket, and may be blocking: every call here says MSG_DONTWAIT. With `framed` each
piece of output goes after Docker's header of 8 bytes: the stream, three zeros, the length in big-endian.
"""

import os
import socket
from typing import Protocol

from wharf.shim import loop as event
from wharf.shim.loop import Loop
from wharf.shim.protocol import Attach

FULL = 1024 * 1024
"""A client that is owed more bytes than this stops the reading of the container."""

_READ = 32 * 1024
_FLAGS = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL


class Joined(Protocol):
    """What a client is joined to."""

    def typed(self, data: bytes) -> bool:
        """Take input; False when no more should come until `Client.resume`."""

    def input_ended(self, client: "Client") -> None:
        """Hear that the client closed its side."""

    def detached(self, client: "Client") -> None:
        """Hear that the client typed the detach keys; it is closed."""

    def drained(self, client: "Client") -> None:
        """Hear that a full client is full no more."""

    def gone(self, client: "Client") -> None:
        """Hear that the client is closed, whoever closed it."""


class DetachKeys:
    """Looks for a sequence of keys in what a client types, however it is cut into reads."""

    __slots__ = ("_held", "_keys")

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._held = b""

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """Return what to pass on, and whether the keys were typed; what follows them is dropped.

        The beginning of the keys at the end of `data` is held back until the next call.
        """
        if not self._keys:
            return data, False
        data = self._held + data
        self._held = b""
        found = data.find(self._keys)
        if found >= 0:
            return data[:found], True
        for length in range(min(len(self._keys) - 1, len(data)), 0, -1):
            if data.endswith(self._keys[:length]):
                self._held = data[-length:]
                return data[:-length], False
        return data, False


class Client:
    """Owns `sock`. After `close`, or when the other side goes, it is gone; writing to it is harmless then."""

    __slots__ = (
        "_events",
        "_gate",
        "_is_finishing",
        "_joined",
        "_keys",
        "_loop",
        "_queue",
        "_sock",
        "_was_full",
        "wants",
    )

    def __init__(
        self, loop: Loop, sock: socket.socket, wants: Attach, joined: Joined, gate: int = -1
    ) -> None:
        self._loop = loop
        self._sock = sock
        self._joined = joined
        self._keys = DetachKeys(wants.detach_keys)
        self._queue = bytearray()
        self._was_full = False
        self._is_finishing = False
        self._gate = gate
        self.wants = wants
        # HUP and ERR come without asking, and tell of a client that does not type when it goes.
        self._events = event.IN if wants.stdin else 0
        loop.add(sock.fileno(), self._events, self._on_ready)
        if gate >= 0:
            loop.add(gate, event.IN, self._on_gate)

    @property
    def is_open(self) -> bool:
        """Whether the socket is still ours."""
        return self._sock.fileno() >= 0

    @property
    def is_full(self) -> bool:
        """Whether the client is owed so much that it should not get more for now."""
        return len(self._queue) > FULL

    def write(self, stream: int, data: bytes) -> None:
        """Give output to the client, now or when it reads."""
        if not self.is_open:
            return
        parts = [data]
        if self.wants.framed:
            parts = [bytes((stream, 0, 0, 0)) + len(data).to_bytes(4, "big"), data]
        sent = 0
        if not self._queue and self._gate < 0:
            try:
                sent = self._sock.sendmsg(parts, (), _FLAGS)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.close()
                return
        for part in parts:
            if sent < len(part):
                self._queue += part[sent:]
            sent = max(0, sent - len(part))
        if self._queue:
            if self._gate < 0:
                self._wait_for(self._events | event.OUT)
            self._was_full |= self.is_full

    def finish(self) -> None:
        """Close as soon as the client has been given what it is owed; it is not heard any more."""
        self._is_finishing = True
        if self._gate >= 0:
            return
        if self._queue:
            self._wait_for(event.OUT)
        else:
            self.close()

    def pause(self) -> None:
        """Do not hear the client until `resume`."""
        self._wait_for(self._events & ~event.IN)

    def resume(self) -> None:
        """Hear the client again."""
        if self.is_open and self.wants.stdin and not self._is_finishing:
            self._wait_for(self._events | event.IN)

    def close(self) -> None:
        """Let go of the client at once.

        What it sent and nobody read is thrown away first: closing on top of it would reset the connection,
        and the client lose the end of its output.
        """
        if not self.is_open:
            return
        self._open_gate()
        self._loop.remove(self._sock.fileno())
        try:
            self._sock.shutdown(socket.SHUT_WR)
            while self._sock.recv(_READ, _FLAGS):
                pass
        except OSError:
            pass  # nothing left to read, or nobody there
        self._sock.close()
        self._queue.clear()
        self._joined.gone(self)

    def _on_gate(self, _events: int) -> None:
        self._open_gate()
        if self._is_finishing:
            self.finish()
        elif self._queue:
            self._wait_for(self._events | event.OUT)

    def _open_gate(self) -> None:
        if self._gate >= 0:
            self._loop.remove(self._gate)
            os.close(self._gate)
            self._gate = -1

    def _wait_for(self, events: int) -> None:
        if events != self._events:
            self._events = events
            self._loop.change(self._sock.fileno(), events)

    def _on_ready(self, events: int) -> None:
        if events & event.OUT:
            self._flush()
        if not self.is_open:
            return
        if events & event.IN:
            self._read()
        elif events & (event.HUP | event.ERR):
            self.close()

    def _flush(self) -> None:
        try:
            with memoryview(self._queue) as owed:
                sent = self._sock.send(owed, _FLAGS)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        del self._queue[:sent]
        if not self._queue:
            if self._is_finishing:
                self.close()
                return
            self._wait_for(self._events & ~event.OUT)
        if self._was_full and not self.is_full:
            self._was_full = False
            self._joined.drained(self)

    def _read(self) -> None:
        try:
            data = self._sock.recv(_READ, _FLAGS)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        if not data:
            self.wants = self.wants._replace(stdin=False)
            self._wait_for(self._events & ~event.IN)
            self._joined.input_ended(self)
            return
        self._take(data)

    def begin(self) -> None:
        """Take what the client typed before it came to us."""
        if self.wants.stdin and self.wants.early:
            self._take(self.wants.early)

    def _take(self, data: bytes) -> None:
        passed, is_detaching = self._keys.feed(data)
        wants_more = self._joined.typed(passed) if passed else True
        if is_detaching:
            self._joined.detached(self)
            self.finish()
        elif not wants_more and self.is_open:
            self.pause()
