"""Session keyrings: keyctl(2), keyrings(7)."""

import os

from wharf.linux.libc import MACHINE, syscall

_KEYCTL = {"x86_64": 250, "aarch64": 219}[MACHINE]
_KEYCTL_JOIN_SESSION_KEYRING = 1
_KEYCTL_SETPERM = 5

KEY_USR_SEARCH = 0x00080000
KEY_POS_ALL = 0x3F000000


def join_session(name: str | None) -> int:
    """Join the session keyring `name`, made if there is none (None: always a new one); return its serial.

    Raises OSError: ENOSYS without key support in the kernel, EDQUOT when the user's quota of keys is used up.
    """
    return syscall(
        _KEYCTL, _KEYCTL_JOIN_SESSION_KEYRING, None if name is None else os.fsencode(name), 0, 0, 0
    )


def set_permissions(serial: int, mask: int) -> None:
    """Set the permissions of a key, KEY_POS_* and KEY_USR_* combined."""
    syscall(_KEYCTL, _KEYCTL_SETPERM, serial, mask, 0, 0)
