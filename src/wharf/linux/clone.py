"""Processes and namespaces: clone3(2), unshare(2), setns(2).

`clone3` is os.fork with flags: only for a process with one thread, and with nothing buffered in stdio that
the child could write a second time. `succeed` is the same for a process that has nothing more to do itself.
Linux 5.7 for CLONE_INTO_CGROUP, 5.8 for setns by pidfd.
"""

import ctypes
import enum
import errno
import functools
import mmap
import os
import platform
import signal
import struct
from collections.abc import Callable

from wharf.linux.libc import check, libc

_CLONE3 = 435
_CLONE_ARGS = struct.Struct("=11Q")
assert _CLONE_ARGS.size == 88, "CLONE_ARGS_SIZE_VER2"


class CloneFlag(enum.IntFlag):
    """CLONE_* of linux/sched.h, as far as they are of use for processes (not threads)."""

    NEWTIME = 0x80
    VM = 0x100
    FILES = 0x400
    PIDFD = 0x1000
    VFORK = 0x4000
    PARENT = 0x8000
    NEWNS = 0x20000
    PARENT_SETTID = 0x100000
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
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
libc.mmap.restype = ctypes.c_void_p
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]

_WRITABLE = mmap.PROT_READ | mmap.PROT_WRITE
_MAP_FAILED = ctypes.c_void_p(-1).value


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


def succeed(flags: int = 0, *, cgroup_fd: int | None = None) -> int:
    """Go on in a new process, a sibling of this one, with CloneFlag `flags`; return its pid, as of here.

    Nothing is copied: the new process runs in this one's memory, on its stack and with its descriptors,
    while this one sleeps in the kernel (CLONE_VFORK) and ends, with status 0, when the new one executes a
    program or ends. Python's fork hooks do not run: to the interpreter nothing has happened. Raises OSError
    where there is no new process.
    """
    flags |= CloneFlag.VM | CloneFlag.FILES | CloneFlag.VFORK | CloneFlag.PARENT | CloneFlag.PARENT_SETTID
    if cgroup_fd is not None:
        flags |= CloneFlag.INTO_CGROUP
    # The kernel writes the number before the new process runs, and into the memory that both have.
    pid = ctypes.c_int(0)
    arguments = _CLONE_ARGS.pack(
        flags, 0, 0, ctypes.addressof(pid), 0, 0, 0, 0, 0, 0, 0 if cgroup_fd is None else cgroup_fd
    )
    result = _clone_and_end()(arguments, _CLONE_ARGS.size)
    if result < 0:
        raise OSError(-result, os.strerror(-result), "clone3")
    return pid.value


# Two processes on one stack: the one that slept must not touch it any more when it wakes up, and so what it
# does then cannot be Python. In both: clone3(arguments, size); return what is not positive; exit_group(0).
_CODE = {
    "x86_64": bytes.fromhex(
        "b8b3010000"  # mov eax, 435
        "0f05"  # syscall
        "4885c0"  # test rax, rax
        "7e09"  # jle to ret
        "31ff"  # xor edi, edi
        "b8e7000000"  # mov eax, 231
        "0f05"  # syscall
        "c3"  # ret
    ),
    "aarch64": struct.pack(
        "<8I",
        0xD2803668,  # mov x8, #435
        0xD4000001,  # svc #0
        0xF100001F,  # cmp x0, #0
        0x5400008D,  # b.le to ret
        0xD2800000,  # mov x0, #0
        0xD2800BC8,  # mov x8, #94
        0xD4000001,  # svc #0
        0xD65F03C0,  # ret
    ),
}


@functools.cache
def _clone_and_end() -> Callable[[bytes, int], int]:
    """Return `_CODE` of this machine as a function, made once; raises OSError where there can be none."""
    code = _CODE.get(platform.machine())
    if code is None:
        raise OSError(errno.ENOSYS, f"no code for {platform.machine()}")
    # Never unmapped: the one that sleeps needs it after the other's interpreter has gone.
    page = libc.mmap(None, mmap.PAGESIZE, _WRITABLE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
    check(-1 if page == _MAP_FAILED else 0)
    ctypes.memmove(page, code, len(code))
    check(libc.mprotect(page, mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_EXEC))
    # As PyDLL: the GIL is kept over the call.
    return ctypes.PYFUNCTYPE(ctypes.c_long, ctypes.c_char_p, ctypes.c_size_t)(page)


def unshare(flags: int) -> None:
    """Move the calling thread into new namespaces; CloneFlag.NEWPID and NEWTIME are for its children."""
    check(libc.unshare(flags))


def setns(fd: int, flags: int = 0) -> None:
    """Join the namespace that `fd` is, or those that `flags` name of the process that the pidfd `fd` is."""
    check(libc.setns(fd, flags))
