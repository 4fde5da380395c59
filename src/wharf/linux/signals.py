"""What Python's signal module leaves out of sigaction(2)."""

import signal

from wharf.linux.libc import MACHINE, syscall

_RT_SIGACTION = {"x86_64": 13, "aarch64": 134}
_SIGSET_SIZE = 8
_DEFAULT_ACTION = bytes(32)
"""The kernel's struct sigaction: SIG_DFL, no flags, no restorer, an empty mask."""


def default_internal_signals() -> None:
    """Set the signals that the C library keeps for itself (32 and 33, nptl(7)) to their default.

    posix_spawn(3) of glibc ignores them in every child, and ignored signals stay so through execve(2).
    """
    for number in range(32, signal.SIGRTMIN):
        set_default(number)


def set_default(number: int) -> None:
    """Set a signal to its default. signal.signal would look for a name of what was before, at some length."""
    syscall(_RT_SIGACTION[MACHINE], number, _DEFAULT_ACTION, None, _SIGSET_SIZE)
