"""Processes and namespaces: clone3(2), unshare(2), setns(2).

`clone3` is os.fork with flags: only for a process with one thread, and with nothing buffered in stdio that
the child could write a second time. Linux 5.7 for CLONE_INTO_CGROUP, 5.8 for setns by pidfd.
"""

import ctypes
import enum
import os
import signal
import struct

from wharf.linux.libc import check, libc

_CLONE3 = 435
_CLONE_ARGS = struct.Struct("=11Q")
assert _CLONE_ARGS.size == 88, "CLONE_ARGS_SIZE_VER2"


class CloneFlag(enum.IntFlag):
    """CLONE_* of linux/sched.h, as far as they are of use for processes (not threads)."""

    NEWTIME = 0x80
    PIDFD = 0x1000
    PARENT = 0x8000
    NEWNS = 0x20000
    NEWCGROUP = 0x2000000
    NEWUTS = 0x4000000
    NEWIPC = 0x8000000
    NEWUSER = 0x10000000
    NEWPID = 0x20000000
    NEWNET = 0x40000000
    CLEAR_SIGHAND = 0x100000000
    INTO_CGROUP = 0x200000000


# PyDLL keeps the GIL over the call, so that the child wakes up holding it, as after os.fork.
_raw_syscall = ctypes.PyDLL(None, use_errno=True)["syscall"]
_raw_syscall.restype = ctypes.c_long
_raw_syscall.argtypes = [ctypes.c_long, ctypes.c_char_p, ctypes.c_size_t]

_before_fork = ctypes.pythonapi["PyOS_BeforeFork"]
_after_fork_child = ctypes.pythonapi["PyOS_AfterFork_Child"]
_after_fork_parent = ctypes.pythonapi["PyOS_AfterFork_Parent"]
for _hook in (_before_fork, _after_fork_child, _after_fork_parent):
    _hook.argtypes = []
    _hook.restype = None

libc.unshare.argtypes = [ctypes.c_int]
libc.setns.argtypes = [ctypes.c_int, ctypes.c_int]


def clone3(
    flags: int = 0, *, cgroup_fd: int | None = None, exit_signal: int = signal.SIGCHLD
) -> tuple[int, int]:
    """Fork with CloneFlag `flags`: return (pid, pidfd) in the parent and (0, -1) in the child.

    With `cgroup_fd` (a directory of cgroup v2) the child is born there. The pidfd is close-on-exec. Python's
    own fork hooks run around the call. Raises OSError.
    """
    flags |= CloneFlag.PIDFD
    if cgroup_fd is not None:
        flags |= CloneFlag.INTO_CGROUP
    pidfd = ctypes.c_int(-1)
    arguments = _CLONE_ARGS.pack(
        flags,
        ctypes.addressof(pidfd),
        0,
        0,
        exit_signal,
        0,
        0,
        0,
        0,
        0,
        0 if cgroup_fd is None else cgroup_fd,
    )
    _before_fork()
    result = _raw_syscall(_CLONE3, arguments, _CLONE_ARGS.size)
    if result == 0:
        _after_fork_child()
        return 0, -1
    number = ctypes.get_errno()
    _after_fork_parent()
    if result < 0:
        raise OSError(number, os.strerror(number), "clone3")
    return int(result), pidfd.value


def unshare(flags: int) -> None:
    """Move the calling thread into new namespaces; CloneFlag.NEWPID and NEWTIME are for its children."""
    check(libc.unshare(flags))


def setns(fd: int, flags: int = 0) -> None:
    """Join the namespace that `fd` is, or those that `flags` name of the process that the pidfd `fd` is."""
    check(libc.setns(fd, flags))
