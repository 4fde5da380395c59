"""Which system call interfaces a kernel serves, and the peculiarities of each that a filter has to know."""

import errno
import os
from collections.abc import Collection
from typing import NamedTuple


class Machine(NamedTuple):
    """One system call interface.

    Numbers of its table, to which `base` is added, are below `limit`; from `end` on they are private calls,
    which do not grow with the kernel. `wide`: its registers have 64 bits.
    """

    architecture: str
    table: str
    audit_number: int
    base: int
    end: int
    limit: int
    wide: bool
    multiplexes: bool


_BIT = 0x40000000
_ALL = 1 << 32

_X86_64 = Machine("SCMP_ARCH_X86_64", "x86_64", 0xC000003E, 0, _BIT, _BIT, wide=True, multiplexes=False)
_X32 = Machine(
    "SCMP_ARCH_X32", "x32", 0xC000003E, _BIT, _ALL - _BIT, _ALL - _BIT, wide=True, multiplexes=False
)
_I386 = Machine("SCMP_ARCH_X86", "i386", 0x40000003, 0, _ALL, _ALL, wide=False, multiplexes=True)
_AARCH64 = Machine("SCMP_ARCH_AARCH64", "aarch64", 0xC00000B7, 0, _ALL, _ALL, wide=True, multiplexes=False)
_ARM = Machine("SCMP_ARCH_ARM", "arm", 0x40000028, 0, 0xF0000, _ALL, wide=False, multiplexes=False)

_KERNELS = {
    "x86_64": ((_X86_64, _X32), (_I386,)),
    "aarch64": ((_AARCH64,), (_ARM,)),
}

_WORDS = """
X86 X86_64 X32 ARM AARCH64 LOONGARCH64 M68K MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32
PARISC PARISC64 PPC PPC64 PPC64LE RISCV64 S390 S390X SH SHEB
"""
_ARCHITECTURES = frozenset(f"SCMP_ARCH_{word}" for word in _WORDS.split())
"""OCI's words (config-linux.md, "Seccomp")."""

NARROW_ARGUMENTS: dict[str, frozenset[int]] = {
    name: frozenset(indexes)
    for name, indexes in {
        "fcntl": (0, 1),
        "getsockopt": (0, 1, 2),
        "ioctl": (0, 1),
        "keyctl": (0,),
        "personality": (0,),
        "prctl": (0,),
        "setsockopt": (0, 1, 2),
        "socket": (0, 1, 2),
        "socketpair": (0, 1, 2),
    }.items()
}
"""Arguments that the kernel declares as int or unsigned int: it never sees their upper halves."""

_SOCKET_CALLS = (
    "socket bind connect listen accept getsockname getpeername socketpair send recv sendto recvfrom shutdown"
    " setsockopt getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg"
)
MULTIPLEXED: dict[str, tuple[str, int]] = {
    **{name: ("socketcall", call) for call, name in enumerate(_SOCKET_CALLS.split(), 1)},
    "semop": ("ipc", 1),
    "semget": ("ipc", 2),
    "semctl": ("ipc", 3),
    "semtimedop": ("ipc", 4),
    "msgsnd": ("ipc", 11),
    "msgrcv": ("ipc", 12),
    "msgget": ("ipc", 13),
    "msgctl": ("ipc", 14),
    "shmat": ("ipc", 21),
    "shmdt": ("ipc", 22),
    "shmget": ("ipc", 23),
    "shmctl": ("ipc", 24),
}
"""i386 makes these calls through one as well: its name, and the first argument (linux/net.h, linux/ipc.h)."""


def machines(native: str, architectures: Collection[str]) -> list[tuple[int, list[tuple[Machine, bool]]]]:
    """Return what a filter on kernel `native` decides about: audit numbers, and the interfaces under each.

    The flag says whether the profile lists the interface; one that shares its audit number with a listed one
    is there in any case. Raises OSError: EINVAL for a word that names no interface, ENOSYS for a kernel
    without tables.
    """
    for architecture in architectures:
        if architecture not in _ARCHITECTURES:
            raise OSError(errno.EINVAL, f"string {architecture} is not a valid arch for seccomp")
    if native not in _KERNELS:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), native)
    groups = []
    for group in _KERNELS[native]:
        listed = [
            (machine, machine.table == native or machine.architecture in architectures) for machine in group
        ]
        if any(is_listed for _, is_listed in listed):
            groups.append((group[0].audit_number, listed))
    return groups
