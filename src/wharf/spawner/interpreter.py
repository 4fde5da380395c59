"""A Python whose own file nobody can write to, CVE-2019-5736.

A forked process that enters a container carries /proc/<pid>/exe with it, and a process of the container may
open that for writing. So the spawner runs from something that refuses: a detached, read-only mount of the
interpreter's file, or (before Linux 5.12, or where mounts are not allowed) a sealed copy in memory.
"""

import fcntl
import os
from collections.abc import Sequence
from typing import NoReturn

from wharf.linux import mount

_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def readonly_mount(path: str) -> int:
    """Return a descriptor of `path` in a read-only mount of its own; raises OSError."""
    file = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        clone = mount.clone_tree(file, recursive=False)
    finally:
        os.close(file)
    try:
        mount.mount_setattr(clone, add=mount.MountAttr.RDONLY)
    except BaseException:
        os.close(clone)
        raise
    return clone


def sealed_copy(path: str) -> int:
    """Return a descriptor of a copy of `path` in memory that can never be changed; raises OSError."""
    copy = os.memfd_create(os.path.basename(path), os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with open(path, "rb") as file:
            left = os.fstat(file.fileno()).st_size
            while left > 0 and (sent := os.sendfile(copy, file.fileno(), None, left)) > 0:
                left -= sent
        fcntl.fcntl(copy, fcntl.F_ADD_SEALS, _SEALS)
    except BaseException:
        os.close(copy)
        raise
    return copy


def execute(path: str, arguments: Sequence[str], environment: dict[str, str]) -> NoReturn:
    """Become the interpreter at `path` run from where it cannot be written; raises OSError.

    Its own name stays `path`, by which it finds its library. The dynamic linker cannot: it expands $ORIGIN
    from /proc/self/exe, which now leads nowhere (ld.so(8)), so a shared libpython is named to it.
    """
    try:
        fd = readonly_mount(path)
    except OSError:
        fd = sealed_copy(path)
    if folder := _library_folder():
        environment = {**environment, "LD_LIBRARY_PATH": folder}
    os.execve(fd, [path, *arguments], environment)  # noqa: S606 - no shell is the point


def _library_folder() -> str | None:
    """Return the folder of the libpython that this process uses, or None where it is linked in."""
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        for line in maps:
            path = line.rstrip("\n").partition("/")[2]
            if os.path.basename(path).startswith("libpython"):
                return os.path.dirname("/" + path)
    return None
