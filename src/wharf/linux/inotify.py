"""inotify(7): what happens to files and folders, as a readable descriptor."""

import ctypes
import enum
import os
import struct
from typing import NamedTuple

from wharf.linux.libc import check, libc

_HEADER = struct.Struct("iIII")
_BUFFER = 4096
"""Room for at least one event: the header and a name of at most NAME_MAX + 1 bytes."""

libc.inotify_init1.argtypes = [ctypes.c_int]
libc.inotify_add_watch.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32]
libc.inotify_rm_watch.argtypes = [ctypes.c_int, ctypes.c_int]


class Mask(enum.IntFlag):
    """What to watch for, and what happened."""

    ACCESS = 0x1
    MODIFY = 0x2
    ATTRIB = 0x4
    CLOSE_WRITE = 0x8
    CLOSE_NOWRITE = 0x10
    OPEN = 0x20
    MOVED_FROM = 0x40
    MOVED_TO = 0x80
    CREATE = 0x100
    DELETE = 0x200
    DELETE_SELF = 0x400
    MOVE_SELF = 0x800
    UNMOUNT = 0x2000
    Q_OVERFLOW = 0x4000
    IGNORED = 0x8000
    ONLYDIR = 0x1000000
    DONT_FOLLOW = 0x2000000
    EXCL_UNLINK = 0x4000000
    MASK_ADD = 0x20000000
    ISDIR = 0x40000000
    ONESHOT = 0x80000000


class Event(NamedTuple):
    """One event; `watch` is -1 when the queue overflowed, `name` is empty for the watched file itself."""

    watch: int
    mask: Mask
    cookie: int
    name: str


def init() -> int:
    """Return a new inotify descriptor, close-on-exec and non-blocking."""
    return check(libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK))


def add_watch(fd: int, path: str, mask: Mask) -> int:
    """Watch `path` for `mask` and return the watch's number; the same file gives the same number again."""
    return check(libc.inotify_add_watch(fd, os.fsencode(path), int(mask)), path)


def remove_watch(fd: int, watch: int) -> None:
    """End a watch; raises OSError EINVAL when it has ended by itself."""
    check(libc.inotify_rm_watch(fd, watch))


def read(fd: int) -> list[Event]:
    """Return the events at hand, at least one; raises BlockingIOError when there are none."""
    data = os.read(fd, _BUFFER)
    events = []
    offset = 0
    while offset < len(data):
        watch, mask, cookie, length = _HEADER.unpack_from(data, offset)
        offset += _HEADER.size
        name = os.fsdecode(data[offset : offset + length].rstrip(b"\0"))
        offset += length
        events.append(Event(watch, Mask(mask), cookie, name))
    return events
