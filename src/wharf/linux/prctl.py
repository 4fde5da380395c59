"""What a process tells the kernel about itself: prctl(2), close_range(2), personality(2)."""

import ctypes

from wharf.linux.libc import check, libc, syscall

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_KEEPCAPS = 8
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_CLOSE_RANGE = 436
_CLOSE_RANGE_CLOEXEC = 4

PER_LINUX = 0
PER_LINUX32 = 8

libc.personality.argtypes = [ctypes.c_ulong]


def _prctl(option: int, argument: int | bytes) -> None:
    word = ctypes.c_ulong(argument) if isinstance(argument, int) else argument
    zero = ctypes.c_ulong(0)
    check(libc.prctl(ctypes.c_int(option), word, zero, zero, zero))


def set_dumpable(*, dumpable: bool) -> None:
    """Allow, or refuse, core dumps and inspection by ptrace(2) and /proc; execve(2) allows it again."""
    _prctl(_PR_SET_DUMPABLE, int(dumpable))


def set_pdeathsig(number: int) -> None:
    """Have signal `number` sent to this process when the thread that made it ends; 0 for none."""
    _prctl(_PR_SET_PDEATHSIG, number)


def set_keepcaps(*, keep: bool) -> None:
    """Keep the permitted capabilities when the user ids change from 0 to others; execve(2) clears it."""
    _prctl(_PR_SET_KEEPCAPS, int(keep))


def set_no_new_privs() -> None:
    """Refuse new privileges to this process and its children by execve(2), for ever."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def set_child_subreaper(*, enabled: bool) -> None:
    """Become, or stop being, the parent of orphaned descendants."""
    _prctl(_PR_SET_CHILD_SUBREAPER, int(enabled))


def set_name(name: str) -> None:
    """Set the name of this thread, as ps shows it; the kernel keeps 15 bytes."""
    _prctl(_PR_SET_NAME, name.encode()[:15])


def close_on_exec_from(first: int) -> None:
    """Mark every descriptor from `first` up close-on-exec: close_range(2), Linux 5.11 for the flag."""
    syscall(_CLOSE_RANGE, first, 0xFFFFFFFF, _CLOSE_RANGE_CLOEXEC)


def set_personality(persona: int) -> None:
    """Set the execution domain: PER_LINUX or PER_LINUX32."""
    check(libc.personality(persona))
