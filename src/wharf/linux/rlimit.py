"""Resource limits: prlimit(2), with the kernel's 64-bit numbers."""

import ctypes
import struct

from wharf.linux.libc import check, libc

NUMBERS = {
    "RLIMIT_CPU": 0,
    "RLIMIT_FSIZE": 1,
    "RLIMIT_DATA": 2,
    "RLIMIT_STACK": 3,
    "RLIMIT_CORE": 4,
    "RLIMIT_RSS": 5,
    "RLIMIT_NPROC": 6,
    "RLIMIT_NOFILE": 7,
    "RLIMIT_MEMLOCK": 8,
    "RLIMIT_AS": 9,
    "RLIMIT_LOCKS": 10,
    "RLIMIT_SIGPENDING": 11,
    "RLIMIT_MSGQUEUE": 12,
    "RLIMIT_NICE": 13,
    "RLIMIT_RTPRIO": 14,
    "RLIMIT_RTTIME": 15,
}
"""The limits by name, getrlimit(2); the numbers of x86-64 and arm64."""

_RLIMIT = struct.Struct("=QQ")
assert _RLIMIT.size == 16, "struct rlimit64"

libc.prlimit64.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p]


def set_limit(resource: int, soft: int, hard: int, *, pid: int = 0) -> None:
    """Set a limit of `pid` (0: this process); 2**64 - 1 is no limit. Raises PermissionError, ValueError."""
    if not (0 <= soft < 1 << 64 and 0 <= hard < 1 << 64):
        raise ValueError(f"limit {soft}:{hard} is not a 64-bit number")
    check(libc.prlimit64(pid, resource, _RLIMIT.pack(soft, hard), None))


def get_limit(resource: int, *, pid: int = 0) -> tuple[int, int]:
    """Return (soft, hard) of `pid`."""
    old = ctypes.create_string_buffer(_RLIMIT.size)
    check(libc.prlimit64(pid, resource, None, old))
    soft, hard = _RLIMIT.unpack(old.raw)
    return soft, hard
