"""Pseudo-terminals of a given devpts instance: pts(4), ioctl_tty(2)."""

import fcntl
import os
import struct
import termios

_TIOCSPTLCK = 0x40045431
_TIOCGPTPEER = 0x5441
_UNIX98_MULTIPLEXER = os.makedev(5, 2)


def is_multiplexer(ptmx_fd: int) -> bool:
    """Return whether `ptmx_fd` is open at the multiplexer device, and not at something that looks like it."""
    status = os.fstat(ptmx_fd)
    return status.st_rdev == _UNIX98_MULTIPLEXER and (status.st_mode & 0o170000) == 0o020000


def unlock(master: int) -> None:
    """Allow the other end of `master` to be opened."""
    fcntl.ioctl(master, _TIOCSPTLCK, struct.pack("i", 0))


def open_peer(master: int) -> int:
    """Return the other end of `master`, opened through no path: Linux 4.13."""
    return fcntl.ioctl(master, _TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)


def set_size(terminal: int, height: int, width: int) -> None:
    """Set the window size in characters; raises OSError EINVAL outside 0..65535."""
    if not (0 <= height <= 0xFFFF and 0 <= width <= 0xFFFF):
        raise OSError(22, os.strerror(22), "TIOCSWINSZ")
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))


def set_controlling(terminal: int) -> None:
    """Make `terminal` the controlling terminal of this session; its leader calls."""
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
