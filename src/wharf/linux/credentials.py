"""User and group ids of the calling thread, by the system calls themselves: credentials(7).

The C library's functions of these names change all threads, by a signal to each that it has in its list.
After a raw clone3(2) that list still has the threads of the parent: the call would wait for them for ever.
"""

import struct
from collections.abc import Sequence

from wharf.linux.libc import MACHINE, syscall

_SETGROUPS = {"x86_64": 116, "aarch64": 159}[MACHINE]
_SETRESUID = {"x86_64": 117, "aarch64": 147}[MACHINE]
_SETRESGID = {"x86_64": 119, "aarch64": 149}[MACHINE]


def set_groups(gids: Sequence[int]) -> None:
    """Set the supplementary groups, setgroups(2)."""
    syscall(_SETGROUPS, len(gids), struct.pack(f"={len(gids)}I", *gids))


def set_gid(gid: int) -> None:
    """Set the real, effective and saved group id, setresgid(2)."""
    syscall(_SETRESGID, gid, gid, gid)


def set_uid(uid: int) -> None:
    """Set the real, effective and saved user id, setresuid(2)."""
    syscall(_SETRESUID, uid, uid, uid)
