"""A log writer that may wait, in a process of its own: nothing a collector does can stop the shim.

The shim hands over what it reads through a socket pair, as packets of stream, moment, length and data. What
the other side does not take is queued here. In blocking mode a full queue makes the container wait; in
non-blocking mode (`buffer` bytes) what does not fit is dropped, as Docker's ring does.
"""

import os
import select
import signal
import socket
import struct
import time
from collections.abc import Callable
from typing import NoReturn

from wharf.linux import prctl
from wharf.linux.descriptors import close_others
from wharf.shim import loop as event
from wharf.shim.log.writer import LogWriter
from wharf.shim.loop import Loop

END_S = 10.0
"""How long the end of a container waits for its collector; Docker's figure."""

_QUEUE = 256 * 1024
_AGAIN_S = 1.0
"""How soon after its death a courier is replaced."""

_HEAD = struct.Struct("=BqI")


class Courier:
    """Hands what it is given to the writer that `open_writer` makes in the courier's process.

    `buffer` is 0 for blocking mode; `on_room` is called when a full queue has been taken.
    """

    def __init__(
        self, loop: Loop, open_writer: Callable[[], LogWriter], *, buffer: int, on_room: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._open_writer = open_writer
        self._buffer = buffer
        self._on_room = on_room
        self._queue = bytearray()
        self._born = 0.0
        self._pid = 0
        self._sock: socket.socket | None = None
        self._waits_for_room = False
        self._launch()

    @property
    def is_full(self) -> bool:
        """Whether the container should wait."""
        return not self._buffer and len(self._queue) > _QUEUE

    def write(self, stream: int, data: bytes, moment: int = 0) -> None:
        """Hand `data` over, now or when there is room."""
        if self._sock is None and not self._launch():
            return
        size = _HEAD.size + len(data)
        if self._buffer and self._queue and len(self._queue) + size > self._buffer:
            return
        self._queue += _HEAD.pack(stream, moment or time.time_ns(), len(data)) + data
        if not self._waits_for_room:
            self._send()

    def close(self) -> None:
        """Let the courier finish, but not for ever."""
        if self._sock is None:
            return
        self._listen(wanted=False)
        try:
            self._sock.settimeout(END_S)
            self._sock.sendall(self._queue)
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it is stuck or dead, which the wait will show
        self._forget(END_S)

    def _launch(self) -> bool:
        """Start a courier, unless one has just died."""
        now = time.monotonic()
        if self._born and now - self._born < _AGAIN_S:
            return False
        self._born = now
        ours, theirs = socket.socketpair()
        try:
            pid = os.fork()
        except OSError:
            ours.close()
            theirs.close()
            return False
        if pid == 0:
            _be_courier(theirs, self._open_writer)
        theirs.close()
        ours.setblocking(False)
        self._pid, self._sock = pid, ours
        return True

    def _send(self) -> None:
        assert self._sock is not None
        try:
            sent = self._sock.send(self._queue, socket.MSG_NOSIGNAL)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._listen(wanted=False)
            self._forget(0)
            self._queue.clear()  # it begins in the middle of a packet, perhaps
            self._on_room()
            return
        was_full = self.is_full
        del self._queue[:sent]
        self._listen(wanted=bool(self._queue))
        if was_full and not self.is_full:
            self._on_room()

    def _listen(self, *, wanted: bool) -> None:
        assert self._sock is not None
        if wanted and not self._waits_for_room:
            self._loop.add(self._sock.fileno(), event.OUT, lambda _events: self._send())
        elif self._waits_for_room and not wanted:
            self._loop.remove(self._sock.fileno())
        self._waits_for_room = wanted

    def _forget(self, patience_s: float) -> None:
        """Reap the courier, by force when it does not end in time."""
        assert self._sock is not None
        self._sock.close()
        self._sock = None
        pid, self._pid = self._pid, 0
        pidfd = os.pidfd_open(pid)
        try:
            if not select.select([pidfd], [], [], patience_s)[0]:
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except ChildProcessError:
            return
        finally:
            os.close(pidfd)


def _be_courier(sock: socket.socket, open_writer: Callable[[], LogWriter]) -> NoReturn:
    """The courier's whole life, up to _exit: a process border."""
    status = 1
    try:
        prctl.set_name("wharf-log")
        close_others({sock.fileno()})
        sock.setblocking(True)
        writer = open_writer()
        with sock.makefile("rb") as packets:
            while len(head := packets.read(_HEAD.size)) == _HEAD.size:
                stream, moment, length = _HEAD.unpack(head)
                data = packets.read(length)
                if len(data) == length:
                    writer.write(stream, data, moment)
        # The shim is ending, or dead: then nobody is there to end a courier that is stuck.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, END_S)
        writer.close()
        status = 0
    finally:
        os._exit(status)
