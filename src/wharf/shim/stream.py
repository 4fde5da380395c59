"""The container's ends of its streams: what it prints is read here, what it is given is written here.

Both own their descriptor, which is non-blocking. An output is not read while one of its clients or its log is
full, so that a slow client slows the container and not our memory.
"""

import os
from collections.abc import Callable

from wharf.shim import loop as event
from wharf.shim.attach import Client
from wharf.shim.log.writer import LogWriter
from wharf.shim.loop import Loop

STDOUT, STDERR = 1, 2

_READ = 64 * 1024
"""As much as a pipe holds, pipe(7)."""


class Output:
    """One output stream: read, logged, and given to `clients`; `on_end` is called once, at its end."""

    __slots__ = ("_fd", "_is_paused", "_log", "_loop", "_on_end", "clients", "is_ended", "stream")

    def __init__(
        self, loop: Loop, fd: int, stream: int, log: LogWriter | None, on_end: Callable[[], None]
    ) -> None:
        os.set_blocking(fd, False)
        self._loop = loop
        self._fd = fd
        self._log = log
        self._on_end = on_end
        self._is_paused = False
        self.stream = stream
        self.clients: list[Client] = []
        self.is_ended = False
        loop.add(fd, event.IN, self._on_ready)

    def _on_ready(self, _events: int) -> None:
        if self._read() and self._is_held_up:
            # Not just without IN: HUP is reported whether asked for or not, epoll_ctl(2).
            self._loop.remove(self._fd)
            self._is_paused = True

    @property
    def _is_held_up(self) -> bool:
        """Whether somebody should be given no more for now: a client, or the log."""
        return any(client.is_full for client in self.clients) or (self._log is not None and self._log.is_full)

    def _read(self) -> bool:
        """Read once and pass it on; False when there is nothing (now, or ever again)."""
        try:
            data = os.read(self._fd, _READ)
        except BlockingIOError:
            return False
        except OSError:
            data = b""  # EIO: nobody has the terminal open any more, tty_ioctl(4)
        if not data:
            self.close()
            return False
        if self._log:
            self._log.write(self.stream, data)
        for client in list(self.clients):
            client.write(self.stream, data)
        return True

    def resume(self) -> None:
        """Read again, if that was stopped and nobody is full any more."""
        if self._is_paused and not self.is_ended and not self._is_held_up:
            self._is_paused = False
            self._loop.add(self._fd, event.IN, self._on_ready)

    def drain(self) -> None:
        """Read everything that is there now, however full the clients are: what writes has died."""
        while not self.is_ended and self._read():
            pass

    def close(self) -> None:
        """Stop reading for good."""
        if self.is_ended:
            return
        self.is_ended = True
        self._loop.remove(self._fd)
        os.close(self._fd)
        self._on_end()


class Input:
    """The way to the container's stdin; `on_drained` is called when everything taken has been written."""

    __slots__ = ("_fd", "_is_closing", "_loop", "_on_drained", "_pending")

    def __init__(self, loop: Loop, fd: int, on_drained: Callable[[], None]) -> None:
        os.set_blocking(fd, False)
        self._loop = loop
        self._fd = fd
        self._on_drained = on_drained
        self._pending = b""
        self._is_closing = False

    @property
    def is_full(self) -> bool:
        """Whether the container has yet to read what was written; take no more from clients then."""
        return bool(self._pending)

    def write(self, data: bytes) -> None:
        """Give `data` to the container; it is lost where the container has closed its stdin."""
        if self._fd < 0 or self._is_closing:
            return
        if self._pending:
            self._pending += data
            return
        self._pending = self._written(data)
        if self._pending:
            self._loop.add(self._fd, event.OUT, self._on_ready)

    def _written(self, data: bytes) -> bytes:
        """Write what can be written and return the rest."""
        try:
            return data[os.write(self._fd, data) :]
        except BlockingIOError:
            return data
        except OSError:  # EPIPE: nobody reads it any more; EIO: the terminal is gone
            self._close()
            return b""

    def _on_ready(self, _events: int) -> None:
        self._pending = self._written(self._pending)
        if self._pending:
            return
        if self._fd >= 0:
            self._loop.remove(self._fd)
        if self._is_closing:
            self._close()
        self._on_drained()

    def end(self) -> None:
        """Let the container read what is on its way, and then the end."""
        self._is_closing = True
        if not self._pending:
            self._close()

    def _close(self) -> None:
        if self._fd >= 0:
            self._loop.remove(self._fd)
            os.close(self._fd)
            self._fd = -1

    def close(self) -> None:
        """Give nothing more."""
        self._pending = b""
        self._close()
