"""Hearing that the kernel has run out of memory in a cgroup, as it happens.

A watch is a descriptor that becomes readable then; whoever holds it needs nothing else, and `count_*` reads
it. v1: an eventfd registered with `memory.oom_control` (cgroup-v1/memory.rst, 9. and 10.); v2: inotify on
`memory.events` (cgroup-v2.rst).
"""

import os
import struct

from wharf.linux import inotify
from wharf.linux.cgroup import directory

_COUNT = struct.Struct("=Q")


def watch_v1(at: str) -> int:
    """Return a watch for the memory cgroup in folder `at`; raises OSError."""
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
    return told


def count_v1(at: str, watch: int, before: int) -> int:
    """Read a watch; return how often memory has run out, `before` being the last answer."""
    os.read(watch, _COUNT.size)
    return before + os.path.exists(at)  # the removal of the cgroup is told in the same way


def watch_v2(at: str) -> int:
    """Return a watch for the cgroup in folder `at`; raises OSError."""
    watch = inotify.init()
    try:
        inotify.add_watch(watch, f"{at}/memory.events", inotify.Mask.MODIFY)
    except BaseException:
        os.close(watch)
        raise
    return watch


def count_v2(at: str, watch: int, before: int) -> int:
    """Read a watch as `count_v1` does."""
    inotify.read(watch)
    try:
        return max(before, directory.read_table(at, "memory.events").get("oom_kill", 0))
    except FileNotFoundError:
        return before
