"""Capabilities: names, numbers, and the five sets of the calling thread (capabilities(7)).

Promises an order of operations which works as root, and after setuid(2) when PR_SET_KEEPCAPS was set before.
Sets are given by the kernel's upper-case names (`CAP_CHOWN`), as the OCI spec writes them; a name that the
kernel, or this process, cannot grant is left out and reported, never an error (OCI config.md, "process").
"""

import ctypes
import os
import struct
from collections.abc import Collection, Iterable
from typing import NamedTuple

from wharf.linux.libc import check, libc

NAMES = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
)
"""Every capability of linux/capability.h; the index is the number."""

NUMBERS = {name: number for number, name in enumerate(NAMES)}

_SETPCAP = 1 << NUMBERS["CAP_SETPCAP"]
_VERSION_3 = 0x20080522
_PR_CAPBSET_READ, _PR_CAPBSET_DROP = 23, 24
_PR_CAP_AMBIENT, _AMBIENT_RAISE, _AMBIENT_CLEAR_ALL = 47, 2, 4
_WORD = 0xFFFFFFFF


class Sets(NamedTuple):
    """Effective, permitted and inheritable capabilities of a thread, as masks (bit n = capability n)."""

    effective: int
    permitted: int
    inheritable: int


def last_cap() -> int:
    """Return the highest capability number of the running kernel (/proc/sys/kernel/cap_last_cap)."""
    fd = os.open("/proc/sys/kernel/cap_last_cap", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return int(os.read(fd, 16))
    finally:
        os.close(fd)


def mask_of(names: Iterable[str]) -> int:
    """Return the mask of `names`; names that are not in NAMES are left out."""
    mask = 0
    for name in names:
        if (number := NUMBERS.get(name)) is not None:
            mask |= 1 << number
    return mask


def names_of(mask: int) -> list[str]:
    """Return the names of the bits of `mask`, by rising number; bits without a name are left out."""
    return [name for number, name in enumerate(NAMES) if mask >> number & 1]


def current() -> Sets:
    """Return the calling thread's effective, permitted and inheritable sets (capget(2), version 3)."""
    header = ctypes.create_string_buffer(struct.pack("=Ii", _VERSION_3, 0), 8)
    data = ctypes.create_string_buffer(24)
    check(libc.capget(header, data))
    low_e, low_p, low_i, high_e, high_p, high_i = struct.unpack("=6I", data.raw)
    return Sets(low_e | high_e << 32, low_p | high_p << 32, low_i | high_i << 32)


def set_current(sets: Sets) -> None:
    """Set the calling thread's effective, permitted and inheritable sets (capset(2), version 3).

    Raises PermissionError when the kernel's rules do not allow the step (capabilities(7), "Programmatically
    adjusting capability sets").
    """
    header = ctypes.create_string_buffer(struct.pack("=Ii", _VERSION_3, 0), 8)
    low = (mask & _WORD for mask in sets)
    high = (mask >> 32 for mask in sets)
    data = ctypes.create_string_buffer(struct.pack("=6I", *low, *high), 24)
    check(libc.capset(header, data))


def bounding_mask() -> int:
    """Return the calling thread's bounding set as a mask. Needs no /proc."""
    mask = 0
    for number in range(64):
        held = _prctl(_PR_CAPBSET_READ, number)
        if held < 0:  # EINVAL: the number after the kernel's last
            break
        mask |= held << number
    return mask


def drop_bounding(keep: int) -> None:
    """Drop what is not in the mask `keep` from the bounding set.

    Raises PermissionError without CAP_SETPCAP, but only when there is something to drop.
    """
    excess = bounding_mask() & ~keep
    for number in range(excess.bit_length()):
        if excess >> number & 1:
            check(_prctl(_PR_CAPBSET_DROP, number))


def clear_ambient() -> None:
    """Empty the ambient set."""
    check(_prctl(_PR_CAP_AMBIENT, _AMBIENT_CLEAR_ALL))


def raise_ambient(number: int) -> None:
    """Add one capability to the ambient set.

    Raises PermissionError unless it is both permitted and inheritable.
    """
    check(_prctl(_PR_CAP_AMBIENT, _AMBIENT_RAISE, number))


def set_capabilities(
    bounding: Collection[str],
    effective: Collection[str],
    permitted: Collection[str],
    inheritable: Collection[str],
    ambient: Collection[str],
) -> list[str]:
    """Give the calling thread exactly these five sets; return the names that could not be granted.

    To be called last: after setuid(2) with PR_SET_KEEPCAPS, because a change from uid 0 to another one
    empties the effective and ambient sets (capabilities(7), "Effect of user ID changes"). It works before
    it, too, except for `ambient`. The order within:

    1. CAP_SETPCAP is raised from permitted to effective where it is held, since setuid emptied effective;
    2. the bounding set is cut while CAP_SETPCAP is effective;
    3. effective, permitted and inheritable are set in one step, which may give up CAP_SETPCAP;
    4. the ambient set is emptied and raised, which needs each to be permitted and inheritable by then.

    Raises OSError when the kernel refuses a step, as dropping from the bounding set without CAP_SETPCAP.
    """
    held = current()
    if held.permitted & _SETPCAP and not held.effective & _SETPCAP:
        held = Sets(held.effective | _SETPCAP, held.permitted, held.inheritable)
        set_current(held)
    drop_bounding(mask_of(bounding))
    capable = held.permitted if not held.effective & _SETPCAP else -1
    may_inherit = held.inheritable | (bounding_mask() & capable)
    granted_permitted = mask_of(permitted) & held.permitted
    granted_effective = mask_of(effective) & granted_permitted
    granted_inheritable = mask_of(inheritable) & may_inherit
    set_current(Sets(granted_effective, granted_permitted, granted_inheritable))
    granted_ambient = mask_of(ambient) & granted_permitted & granted_inheritable
    clear_ambient()
    for number in range(granted_ambient.bit_length()):
        if granted_ambient >> number & 1:
            raise_ambient(number)
    refused = {name for name in effective if not mask_of((name,)) & granted_effective}
    refused.update(name for name in permitted if not mask_of((name,)) & granted_permitted)
    refused.update(name for name in inheritable if not mask_of((name,)) & granted_inheritable)
    refused.update(name for name in ambient if not mask_of((name,)) & granted_ambient)
    return sorted(refused)


def _prctl(option: int, first: int, second: int = 0) -> int:
    """Call prctl(2) with unsigned long arguments, as the kernel reads them; -1 leaves errno set."""
    words = (ctypes.c_ulong(word) for word in (first, second, 0, 0))
    return int(libc.prctl(option, *words))
