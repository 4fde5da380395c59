"""Landlock: the calling process gives up the file system, but for the trees it names (landlock(7)).

Best effort by what the kernel knows; each level includes those before:

| ABI | Linux | adds |
|---|---|---|
| 0 | before 5.13, or switched off | nothing is restricted; `restrict` says so by returning 0 |
| 1 | 5.13 | reading, writing, executing, making and removing files |
| 2 | 5.19 | linking and renaming between directories (before, always refused) |
| 3 | 6.2 | truncating |
| 4 | 6.7 | TCP: no bind, no connect |
| 5 | 6.10 | ioctl on devices |
| 6 | 6.12 | no abstract unix sockets, and no signals, to processes outside |
| 7 | 6.15 | (logging only) |

Whoever needs more than the best effort compares the level that `restrict` returns. It does not restrict stat,
chdir, chmod, chown, setxattr or utime, nor descriptors that are open already: a mount namespace does that.
"""

import enum
import errno
import os
import struct
from collections.abc import Iterable

from wharf.linux import prctl
from wharf.linux.libc import syscall

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_QUESTION = 1
_PATH_BENEATH = 1
_TCP_BIND_AND_CONNECT = 3
_ABSTRACT_SOCKETS_AND_SIGNALS = 3


class Access(enum.IntFlag):
    """What may be done below a directory (LANDLOCK_ACCESS_FS_*)."""

    EXECUTE = 1 << 0
    WRITE_FILE = 1 << 1
    READ_FILE = 1 << 2
    READ_DIR = 1 << 3
    REMOVE_DIR = 1 << 4
    REMOVE_FILE = 1 << 5
    MAKE_CHAR = 1 << 6
    MAKE_DIR = 1 << 7
    MAKE_REG = 1 << 8
    MAKE_SOCK = 1 << 9
    MAKE_FIFO = 1 << 10
    MAKE_BLOCK = 1 << 11
    MAKE_SYM = 1 << 12
    REFER = 1 << 13
    TRUNCATE = 1 << 14
    IOCTL_DEV = 1 << 15


READ = Access.READ_FILE | Access.READ_DIR
"""Read files and list directories."""

ALL = Access((1 << 16) - 1)
"""Everything, on the kernel that knows it."""

_FILE = Access.EXECUTE | Access.WRITE_FILE | Access.READ_FILE | Access.TRUNCATE | Access.IOCTL_DEV
_KNOWN = {0: 0, 1: 13, 2: 14, 3: 15, 4: 15}
_KNOWN_NOW = 16


def abi() -> int:
    """Return the level of Landlock that the running kernel has and lets us use, 0 for none."""
    try:
        return syscall(_CREATE_RULESET, None, 0, _VERSION_QUESTION)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EOPNOTSUPP):
            raise
        return 0


def restrict(rules: Iterable[tuple[int, Access]], *, network: bool = False) -> int:
    """Leave the calling thread, and what it forks, only what `rules` allow, for ever; return the level held.

    A rule is a borrowed descriptor (O_PATH is enough) of a directory or file, and what may be done there and
    below. TCP is refused unless `network`. Sets no_new_privs. At level 0 nothing happens.

    Raises OSError: EBADFD or EINVAL for a descriptor that cannot be a rule, E2BIG after 16 such calls.
    """
    level = abi()
    if level == 0:
        return 0
    handled = Access((1 << _KNOWN.get(level, _KNOWN_NOW)) - 1)
    ruleset = _create_ruleset(level, handled, network=network)
    try:
        for fd, allowed in rules:
            _allow(ruleset, fd, allowed & handled)
        prctl.set_no_new_privs()
        syscall(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return level


def _create_ruleset(level: int, handled: Access, *, network: bool) -> int:
    """Return a descriptor of a new rule set (CLOEXEC) that refuses everything `handled`."""
    words = [int(handled)]  # struct landlock_ruleset_attr grew with the levels
    if level >= 4:
        words.append(0 if network else _TCP_BIND_AND_CONNECT)
    if level >= 6:
        words.append(_ABSTRACT_SOCKETS_AND_SIGNALS)
    attributes = struct.pack(f"={len(words)}Q", *words)
    return syscall(_CREATE_RULESET, attributes, len(attributes), 0)


def _allow(ruleset: int, fd: int, allowed: Access) -> None:
    """Add one rule; of a file that is no directory, only what can be done to files is asked for."""
    try:
        _add_rule(ruleset, fd, allowed)
    except OSError as error:
        if error.errno != errno.EINVAL or not allowed & ~_FILE:
            raise
        _add_rule(ruleset, fd, allowed & _FILE)


def _add_rule(ruleset: int, fd: int, allowed: Access) -> None:
    rule = struct.pack("=Qi", int(allowed), fd)  # struct landlock_path_beneath_attr is packed
    syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
