"""Terminals of `wharf-runtime`: handed to an engine over its console socket, or relayed to our own."""

import os
import select
import signal
import socket
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from wharf.linux import pty


def send_descriptor(path: str, fd: int, name: bytes) -> None:
    """Send `fd` to the socket at `path`, with a name as runc sends; raises OSError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as sock:
        sock.connect(path)
        socket.send_fds(sock, [name], [fd])


@contextmanager
def raw_mode() -> Iterator[None]:
    """Pass every key on while this lasts, when standard input is a terminal."""
    if not os.isatty(0):
        yield
        return
    before = termios.tcgetattr(0)
    tty.setraw(0)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


def relay(master: int, pidfd: int) -> None:
    """Copy between standard input and output and a container's terminal until its process has ended."""
    _copy_size(master)
    signal.signal(signal.SIGWINCH, lambda *_: _copy_size(master))
    poll = select.poll()
    for fd in (0, master, pidfd):
        poll.register(fd, select.POLLIN)
    while True:
        ready = {fd for fd, _ in poll.poll()}
        if master in ready and not _copy(master, 1):
            poll.unregister(master)
        if 0 in ready and not _copy(0, master):
            poll.unregister(0)
        if pidfd in ready:
            while _copy(master, 1):
                pass
            return


def _copy(source: int, target: int) -> bool:
    """Copy one chunk; False at the end."""
    try:
        data = os.read(source, 65536)
        while data:
            data = data[os.write(target, data) :]
            if not data:
                return True
    except OSError:
        return False
    return False


def _copy_size(master: int) -> None:
    with suppress(OSError):
        size = os.get_terminal_size(0)
        pty.set_size(master, size.lines, size.columns)
