"""What Python's signal module leaves out of sigaction(2)."""

import os
import signal

from wharf.linux.libc import syscall

_RT_SIGACTION = {"x86_64": 13, "aarch64": 134}
_SIGSET_SIZE = 8
_DEFAULT_ACTION = bytes(32)
"""The kernel's struct sigaction: SIG_DFL, no flags, no restorer, an empty mask."""


def default_internal_signals() -> None:
    """Set the signals that the C library keeps for itself (32 and 33, nptl(7)) to their default.

    posix_spawn(3) of glibc ignores them in every child, and ignored signals stay so through execve(2).
    """
    for number in range(32, signal.SIGRTMIN):
        syscall(_RT_SIGACTION[os.uname().machine], number, _DEFAULT_ACTION, None, _SIGSET_SIZE)
