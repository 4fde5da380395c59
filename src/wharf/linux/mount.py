"""Mounts: the file-descriptor API of Linux 5.2 and later, beside mount(2), umount2(2) and pivot_root(2).

A mount made here by `fsmount` or `clone_tree` is detached: it hangs nowhere until `attach` puts it
somewhere, and is gone when its descriptor is closed before that. Descriptors returned are close-on-exec and
the caller's. Everything raises OSError. Sources: mount_setattr(2), and linux/mount.h for what has no manual
page.
"""

import ctypes
import enum
import os
import struct

from wharf.linux.libc import MACHINE, check, libc, syscall

AT_FDCWD = -100
AT_SYMLINK_NOFOLLOW = 0x100
AT_NO_AUTOMOUNT = 0x800
AT_EMPTY_PATH = 0x1000
AT_RECURSIVE = 0x8000

# The same on every architecture: these came after the tables were unified (linux 5.1).
_OPEN_TREE, _MOVE_MOUNT, _FSOPEN, _FSCONFIG, _FSMOUNT, _FSPICK = 428, 429, 430, 431, 432, 433
_MOUNT_SETATTR = 442
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}[MACHINE]

_FSOPEN_CLOEXEC, _FSMOUNT_CLOEXEC = 1, 1
_FSCONFIG_SET_FLAG, _FSCONFIG_SET_STRING, _FSCONFIG_SET_FD = 0, 1, 5
_FSCONFIG_CMD_CREATE, _FSCONFIG_CMD_RECONFIGURE = 6, 7
_OPEN_TREE_CLONE = 1
_MOVE_MOUNT_F_EMPTY_PATH, _MOVE_MOUNT_T_EMPTY_PATH = 0x04, 0x40


class MountFlag(enum.IntFlag):
    """Flags of mount(2): MS_*."""

    RDONLY = 1
    NOSUID = 2
    NODEV = 4
    NOEXEC = 8
    SYNCHRONOUS = 16
    REMOUNT = 32
    MANDLOCK = 64
    DIRSYNC = 128
    NOSYMFOLLOW = 256
    NOATIME = 1024
    NODIRATIME = 2048
    BIND = 4096
    MOVE = 8192
    REC = 16384
    SILENT = 32768
    UNBINDABLE = 1 << 17
    PRIVATE = 1 << 18
    SLAVE = 1 << 19
    SHARED = 1 << 20
    RELATIME = 1 << 21
    STRICTATIME = 1 << 24
    LAZYTIME = 1 << 25


class MountAttr(enum.IntFlag):
    """Attributes of one mount: MOUNT_ATTR_*; RELATIME is the absence of the other two of _ATIME."""

    RELATIME = 0
    RDONLY = 0x1
    NOSUID = 0x2
    NODEV = 0x4
    NOEXEC = 0x8
    NOATIME = 0x10
    STRICTATIME = 0x20
    ATIME = 0x70
    NODIRATIME = 0x80
    IDMAP = 0x100000
    NOSYMFOLLOW = 0x200000


MNT_DETACH = 2
UMOUNT_NOFOLLOW = 8

_MOUNT_ATTR = struct.Struct("=QQQQ")
assert _MOUNT_ATTR.size == 32, "MOUNT_ATTR_SIZE_VER0"

libc.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]
libc.umount2.argtypes = [ctypes.c_char_p, ctypes.c_int]


def mount(source: str, target: str, fstype: str, flags: int = 0, data: str = "") -> None:
    """Attach `source` at `target` in one step, by the old system call; `data` is at most a page."""
    result = libc.mount(os.fsencode(source), os.fsencode(target), fstype.encode(), flags, os.fsencode(data))
    check(result, source, target)


def umount2(target: str, flags: int = 0) -> None:
    """Unmount what is at `target`."""
    check(libc.umount2(os.fsencode(target), flags), target)


def pivot_root(new_root: str, put_old: str) -> None:
    """Make `new_root` the root of this mount namespace and hang the old one at `put_old`."""
    syscall(_PIVOT_ROOT, os.fsencode(new_root), os.fsencode(put_old))


def fsopen(fstype: str) -> int:
    """Return a descriptor of a new, unconfigured file system of `fstype`."""
    return syscall(_FSOPEN, fstype.encode(), _FSOPEN_CLOEXEC)


def fspick(path_fd: int) -> int:
    """Return a configuration descriptor of the file system mounted at `path_fd`, to reconfigure it."""
    return syscall(_FSPICK, path_fd, b"", 1 | 0x8)


def fsconfig(fs_fd: int, key: str, value: str | None = None) -> None:
    """Set a parameter: a string (at most 255 bytes, the kernel's limit), or a flag when `value` is None."""
    if value is None:
        syscall(_FSCONFIG, fs_fd, _FSCONFIG_SET_FLAG, key.encode(), None, 0)
    else:
        syscall(_FSCONFIG, fs_fd, _FSCONFIG_SET_STRING, key.encode(), os.fsencode(value), 0)


def fsconfig_create(fs_fd: int) -> None:
    """Make the superblock that the parameters describe."""
    syscall(_FSCONFIG, fs_fd, _FSCONFIG_CMD_CREATE, None, None, 0)


def fsconfig_reconfigure(fs_fd: int) -> None:
    """Apply the parameters to the existing superblock."""
    syscall(_FSCONFIG, fs_fd, _FSCONFIG_CMD_RECONFIGURE, None, None, 0)


def fsmount(fs_fd: int, attributes: int = 0) -> int:
    """Return a detached mount of a created file system, with MountAttr `attributes`."""
    return syscall(_FSMOUNT, fs_fd, _FSMOUNT_CLOEXEC, attributes)


def new_filesystem(
    fstype: str,
    source: str,
    parameters: "list[tuple[str, str | None]]",
    attributes: int = 0,
    *,
    readonly: bool = False,
) -> int:
    """Return a detached mount of a new file system: fsopen, fsconfig for each parameter, fsmount.

    `readonly` makes the superblock read-only, which `attributes` does for the mount only.
    """
    fs_fd = fsopen(fstype)
    try:
        fsconfig(fs_fd, "source", source)
        for key, value in parameters:
            fsconfig(fs_fd, key, value)
        if readonly:
            fsconfig(fs_fd, "ro")
        fsconfig_create(fs_fd)
        return fsmount(fs_fd, attributes)
    finally:
        os.close(fs_fd)


def clone_tree(path_fd: int, *, recursive: bool) -> int:
    """Return a detached copy of the mount at `path_fd` (a bind mount), `recursive` with what hangs below."""
    flags = _OPEN_TREE_CLONE | os.O_CLOEXEC | AT_EMPTY_PATH | (AT_RECURSIVE if recursive else 0)
    return syscall(_OPEN_TREE, path_fd, b"", flags)


def attach(mount_fd: int, target_fd: int) -> None:
    """Attach a detached mount on top of the file or directory that `target_fd` is open at."""
    flags = _MOVE_MOUNT_F_EMPTY_PATH | _MOVE_MOUNT_T_EMPTY_PATH
    syscall(_MOVE_MOUNT, mount_fd, b"", target_fd, b"", flags)


def mount_setattr(
    path_fd: int,
    *,
    add: int = 0,
    clear: int = 0,
    propagation: int = 0,
    recursive: bool = False,
    userns_fd: int = 0,
) -> None:
    """Change the MountAttr of the mount at `path_fd`; `propagation` is one of MountFlag's four, or 0.

    Setting any time attribute clears the others first: the kernel takes them as one field (mount_setattr(2)).
    """
    if (add | clear) & MountAttr.ATIME:
        clear |= MountAttr.ATIME
    attr = ctypes.create_string_buffer(_MOUNT_ATTR.pack(add, clear, propagation, userns_fd), _MOUNT_ATTR.size)
    flags = AT_EMPTY_PATH | (AT_RECURSIVE if recursive else 0)
    syscall(_MOUNT_SETATTR, path_fd, b"", flags, attr, _MOUNT_ATTR.size)
