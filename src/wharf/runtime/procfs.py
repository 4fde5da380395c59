"""What the runtime trusts of proc(5), and what it refuses to have mounted over it.

The runtime's own writes to /proc go through a mount of its own that is attached nowhere: an image or a volume
cannot have replaced what is in it (CVE-2019-16884, CVE-2025-52881).
"""

import os
from types import TracebackType
from typing import Self

from wharf.linux import mount
from wharf.linux.libc import filesystem_type
from wharf.linux.rooted import RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV, openat2

_PROC_SUPER_MAGIC = 0x9FA0
_PROC_ROOT_INO = 1

_REPLACEABLE = frozenset(
    f"/proc/{name}"
    for name in (
        "cpuinfo",
        "diskstats",
        "meminfo",
        "stat",
        "swaps",
        "uptime",
        "loadavg",
        "slabinfo",
        "net/dev",
        "sys/kernel/ns_last_pid",
        "sys/crypto/fips_enabled",
    )
)
"""Files which tools such as LXCFS mount their own view of."""


class Procfs:
    """A proc file system of this process's pid namespace, attached nowhere."""

    def __init__(self) -> None:
        self._fd = mount.new_filesystem("proc", "proc", [])

    def write(self, path: str, text: str) -> None:
        """Write `text` to the file `path` below /proc; raises OSError."""
        resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS
        fd = openat2(self._fd, path, os.O_WRONLY, resolve=resolve)
        try:
            if filesystem_type(fd) != _PROC_SUPER_MAGIC:
                raise OSError(f"{path} is not on procfs")
            os.write(fd, os.fsencode(text))
        finally:
            os.close(fd)

    def close(self) -> None:
        """Unmount it, with the last descriptor."""
        os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def is_root(path_fd: int) -> bool:
    """Return whether `path_fd` is the top of a proc file system."""
    return filesystem_type(path_fd) == _PROC_SUPER_MAGIC and os.fstat(path_fd).st_ino == _PROC_ROOT_INO


def unsafe_target(target_fd: int, root_path: str, *, is_procfs: bool) -> str | None:
    """Return why nothing may be mounted at `target_fd`, in runc's words, or None when it may.

    `root_path` is where the container's root is for now; `is_procfs` says that what comes there is itself the
    top of a proc file system.
    """
    path = os.readlink(f"/proc/self/fd/{target_fd}")
    inside = path.removeprefix(root_path)
    if inside == "/proc" and not is_procfs:
        return f'"{path}" cannot be mounted because it is not of type proc'
    if inside != "/proc" and filesystem_type(target_fd) == _PROC_SUPER_MAGIC and inside not in _REPLACEABLE:
        return f'"{path}" cannot be mounted because it is inside /proc'
    return None
