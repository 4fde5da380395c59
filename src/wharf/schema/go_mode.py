"""File modes as Go's `os.FileMode` counts them, which the Engine API shows."""

import stat
from typing import Final

_KINDS: Final = {
    stat.S_IFDIR: 1 << 31,
    stat.S_IFLNK: 1 << 27,
    stat.S_IFBLK: 1 << 26,
    stat.S_IFIFO: 1 << 25,
    stat.S_IFSOCK: 1 << 24,
    stat.S_IFCHR: 1 << 26 | 1 << 21,
    stat.S_IFREG: 0,
}
_BITS: Final = {stat.S_ISUID: 1 << 23, stat.S_ISGID: 1 << 22, stat.S_ISVTX: 1 << 20}


def go_mode(mode: int) -> int:
    """Return the kernel's `st_mode` as Go has it."""
    found = mode & 0o777 | _KINDS[stat.S_IFMT(mode)]
    for bit, go_bit in _BITS.items():
        if mode & bit:
            found |= go_bit
    return found
