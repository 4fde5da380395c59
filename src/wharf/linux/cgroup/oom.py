"""Hearing that the kernel has run out of memory in a cgroup, as it happens.

v1: an eventfd registered with `memory.oom_control` (cgroup-v1/memory.rst, 9. and 10.); v2: inotify on
`memory.events` (cgroup-v2.rst).
"""

import os
import struct
from collections.abc import Callable

from wharf.linux import inotify
from wharf.linux.cgroup import directory

_COUNT = struct.Struct("=Q")


class OomWatch:
    """`fd` becomes readable when something may have happened; `has_happened` reads it and says whether."""

    __slots__ = ("_look", "fd")

    def __init__(self, fd: int, look: Callable[[int], bool]) -> None:
        self.fd = fd
        self._look = look

    def has_happened(self) -> bool:
        """Take what made `fd` readable; say whether the kernel has run out of memory since the last look."""
        return self._look(self.fd)

    def close(self) -> None:
        """Watch no more; harmless when done already."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def watch_v1(at: str) -> OomWatch:
    """Watch the memory cgroup in folder `at`; raises OSError."""
    told = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
    try:
        control = os.open(f"{at}/memory.oom_control", os.O_RDONLY | os.O_CLOEXEC)
        try:
            directory.write(at, "cgroup.event_control", f"{told} {control}")
        finally:
            os.close(control)
    except BaseException:
        os.close(told)
        raise

    def look(fd: int) -> bool:
        os.read(fd, _COUNT.size)
        return os.path.exists(at)  # the removal of the cgroup is told in the same way

    return OomWatch(told, look)


def watch_v2(at: str) -> OomWatch:
    """Watch the cgroup in folder `at`; raises OSError."""
    fd = inotify.init()
    try:
        inotify.add_watch(fd, f"{at}/memory.events", inotify.Mask.MODIFY)
    except BaseException:
        os.close(fd)
        raise
    seen = [_kills(at)]

    def look(fd: int) -> bool:
        inotify.read(fd)
        before, seen[0] = seen[0], _kills(at)
        return seen[0] > before

    return OomWatch(fd, look)


def _kills(at: str) -> int:
    try:
        return directory.read_table(at, "memory.events").get("oom_kill", 0)
    except FileNotFoundError:
        return 0
