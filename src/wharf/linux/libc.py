"""The C library, and the one way in which a failed call becomes an OSError."""

import ctypes
import os
import sys

libc = ctypes.CDLL(None, use_errno=True)
"""The C library of this process; every call keeps errno for `check`."""

libc.syscall.restype = ctypes.c_long

MACHINE = os.uname().machine
"""This machine's name, by which the numbers of old system calls differ; asked once, before any filter."""


def check(result: int, path: str | None = None, path2: str | None = None) -> int:
    """Return `result`, or raise the OSError that errno names when it is negative."""
    if result >= 0:
        return result
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number), path, None, path2)


def syscall(number: int, *args: int | bytes | ctypes.Array[ctypes.c_char] | None) -> int:
    """Make system call `number` (syscall(2)); ints are passed as machine words, buffers by address.

    Raises OSError when the kernel refuses.
    """
    words = [ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args]
    return check(libc.syscall(ctypes.c_long(number), *words))


_STATFS = 120  # sizeof(struct statfs) on 64-bit machines; its first word is the type

libc.fstatfs.argtypes = [ctypes.c_int, ctypes.c_char_p]


def filesystem_type(fd: int) -> int:
    """Return the magic number of the file system that `fd` is open on: statfs(2)."""
    buffer = ctypes.create_string_buffer(_STATFS)
    check(libc.fstatfs(fd, buffer))
    return int.from_bytes(buffer.raw[:8], sys.byteorder)
