"""Copying between this process's stdin, stdout and stderr and a hijacked connection, in one thread.

stdin is read only while the engine takes what was read; output is written at once. What else may happen
(signals) comes in through the same poll.
"""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable

from wharf.cli.streams.detach import Detached, KeyWatch
from wharf.cli.streams.terminal import STDERR, STDIN, STDOUT, RawTerminal
from wharf.client.engine import Hijacked
from wharf.client.frames import STDERR as STDERR_STREAM
from wharf.client.frames import Frames

_PIECE = 64 * 1024
_READABLE = select.POLLIN | select.POLLHUP | select.POLLERR

Watched = tuple[int, Callable[[], None]]
"""A descriptor, and what to do when it is readable."""


class Duplex:
    """One hijacked connection. With `tty`, output is raw and goes to stdout; else it comes in frames.

    `stdin`, `stdout`, `stderr` say which of ours take part; `detach_keys` are looked for in what a terminal
    sends.
    """

    def __init__(
        self,
        stream: Hijacked,
        *,
        tty: bool,
        stdin: bool,
        stdout: bool = True,
        stderr: bool = True,
        detach_keys: bytes = b"",
    ) -> None:
        self._socket = stream.sock
        self._early = stream.leftover
        self._tty = tty
        self._stdin = stdin
        self._stdout = stdout
        self._stderr = stderr
        self._frames = Frames()
        self._keys = KeyWatch(detach_keys) if detach_keys and tty and stdin else None
        self._pending = b""

    def run(self, watched: Watched | None = None) -> None:
        """Copy until the output ends; without any output, until the input has been sent.

        Raises:
            Detached: the detach keys were typed.
        """
        with RawTerminal(STDIN if self._tty and self._stdin else -1) as terminal:
            try:
                self._socket.setblocking(False)
                self._write(self._early)
                self._loop(watched)
            finally:
                terminal.restore()
                self._socket.close()

    def _loop(self, watched: Watched | None) -> None:
        poll = select.poll()
        if self._stdout or self._stderr:
            poll.register(self._socket, select.POLLIN)
        if watched:
            poll.register(watched[0], select.POLLIN)
        connection = self._socket.fileno()
        reading = self._stdin
        if reading:
            poll.register(STDIN, select.POLLIN)
        elif self._finish_input():
            return
        while True:
            for fd, events in poll.poll():
                if fd == connection:
                    if events & select.POLLOUT and self._send():
                        self._await_output(poll)
                        if reading:
                            poll.register(STDIN, select.POLLIN)
                        elif self._finish_input():
                            return
                    if events & _READABLE and not self._receive():
                        return
                elif watched and fd == watched[0]:
                    watched[1]()
                else:
                    poll.unregister(STDIN)
                    reading = self._read()
                    if self._pending and not self._send():
                        self._await_output(poll, writable=True)
                    elif reading:
                        poll.register(STDIN, select.POLLIN)
                    elif self._finish_input():
                        return

    def _await_output(self, poll: select.poll, *, writable: bool = False) -> None:
        wanted = select.POLLIN if self._stdout or self._stderr else 0
        poll.register(self._socket, wanted | (select.POLLOUT if writable else 0))

    def _read(self) -> bool:
        """Read from stdin into what is to be sent; return whether there may be more."""
        try:
            typed = os.read(STDIN, _PIECE)
        except OSError:
            typed = b""
        if typed and self._keys:
            self._pending, complete = self._keys.feed(typed)
            if complete:
                self._send()
                raise Detached
        else:
            self._pending = typed
        return bool(typed)

    def _send(self) -> bool:
        """Send what the engine takes now; return whether nothing is left."""
        try:
            while self._pending:
                sent = self._socket.send(self._pending, socket.MSG_NOSIGNAL)
                self._pending = self._pending[sent:]
        except BlockingIOError:
            return False
        except OSError:
            self._pending = b""  # the container no longer reads; its output tells what became of it
        return True

    def _finish_input(self) -> bool:
        """Tell the engine that stdin has ended; return whether that was all there was to do."""
        shows_output = self._stdout or self._stderr
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            return not shows_output  # the other side has gone already; its output may still be here
        return not shows_output

    def _receive(self) -> bool:
        try:
            data = self._socket.recv(_PIECE)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self._write(data)
        return bool(data)

    def _write(self, data: bytes) -> None:
        if self._tty:
            write_all(STDOUT, data)
            return
        for stream, piece in self._frames.feed(data):
            if stream == STDERR_STREAM:
                if self._stderr:
                    write_all(STDERR, piece)
            elif self._stdout:
                write_all(STDOUT, piece)


def write_all(fd: int, data: bytes) -> None:
    """Write all of `data`; wait where `fd` is in non-blocking mode and full."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            poll = select.poll()
            poll.register(fd, select.POLLOUT)
            poll.poll()


def wait_readable(fd: int, watched: Watched | None) -> None:
    """Return when `fd` is readable; attend to `watched` until then."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    if watched:
        poll.register(watched[0], select.POLLIN)
    while True:
        ready = [ready_fd for ready_fd, _ in poll.poll()]
        if watched and watched[0] in ready:
            watched[1]()
        if fd in ready:
            return
