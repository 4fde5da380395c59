"""What this process may do with a file: faccessat2(2) with its effective ids."""

import ctypes
import os

from wharf.linux.libc import check, libc

libc.eaccess.argtypes = [ctypes.c_char_p, ctypes.c_int]


def require_executable(path: str) -> None:
    """Raise the OSError which execve(2) would, as far as permissions go; a seccomp filter may give EPERM."""
    check(libc.eaccess(os.fsencode(path), os.X_OK), path)
