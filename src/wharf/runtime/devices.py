"""Device nodes and links of the container's /dev.

Only a /dev that the spec mounts anew is furnished; a bind of another /dev is left as it is. Every node is
made by mknodat(2) in a directory held by descriptor, and looked at afterwards: an image cannot have put
something else in its place (CVE-2025-31133, CVE-2025-52565).
"""

import os
import stat
from collections.abc import Sequence
from contextlib import suppress

from wharf.failpoint import failpoint
from wharf.linux.mount import MountAttr
from wharf.linux.rooted import Root
from wharf.runtime.errors import Refused, cause
from wharf.runtime.spec import Device

DEFAULT: tuple[tuple[str, int, int], ...] = (
    ("null", 1, 3),
    ("random", 1, 8),
    ("full", 1, 7),
    ("tty", 5, 0),
    ("zero", 1, 5),
    ("urandom", 1, 9),
)
"""Name, major and minor of the nodes that every container has, mode 0666: OCI config-linux.md."""

_LINKS = (
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
)

_TYPES = {"c": stat.S_IFCHR, "u": stat.S_IFCHR, "b": stat.S_IFBLK, "p": stat.S_IFIFO}


def furnish(root: Root, devices: Sequence[Device]) -> None:
    """Make the default nodes, those of the spec, and the links; raises Refused."""
    failpoint("runtime.devices")
    dev = root.make_directories("/dev")
    own = {os.path.normpath(device["path"]) for device in devices}
    try:
        for name, major, minor in DEFAULT:
            if f"/dev/{name}" not in own:
                _make_node(dev, name, stat.S_IFCHR | 0o666, os.makedev(major, minor), f"/dev/{name}")
        for device in devices:
            _make_device(root, device)
        _replace_link(dev, "ptmx", "pts/ptmx")
        links = (*_LINKS, ("core", "/proc/kcore")) if os.path.exists("/proc/kcore") else _LINKS
        for name, target in links:
            with suppress(FileExistsError):
                os.symlink(target, name, dir_fd=dev)
    finally:
        os.close(dev)


def _make_device(root: Root, device: Device) -> None:
    path = device["path"]
    kind = _TYPES.get(device["type"])
    if kind is None:
        raise Refused(f"invalid device type {device['type']!r} for {path}")
    number = 0 if kind == stat.S_IFIFO else os.makedev(device.get("major", 0), device.get("minor", 0))
    try:
        parent, name = root.parent(path)
    except OSError as error:
        raise Refused(f"mkdirat {path}: {cause(error)}") from error
    try:
        _make_node(parent, name, kind | device.get("fileMode", 0o666) & 0o7777, number, path)
        if device.get("uid") or device.get("gid"):
            os.chown(name, device.get("uid", 0), device.get("gid", 0), dir_fd=parent, follow_symlinks=False)
    finally:
        os.close(parent)


def _make_node(directory: int, name: str, mode: int, number: int, path: str) -> None:
    """Make a node; one that is there already has to be the same."""
    try:
        os.mknod(name, mode, number, dir_fd=directory)
    except FileExistsError:
        there = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if stat.S_IFMT(there.st_mode) != stat.S_IFMT(mode) or there.st_rdev != number:
            raise Refused(f"mknod {path}: file exists") from None
    except OSError as error:
        raise Refused(f"mknod {path}: {cause(error)}") from error


def _replace_link(directory: int, name: str, target: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=directory)
    os.symlink(target, name, dir_fd=directory)


def open_null(root: Root) -> tuple[int, int]:
    """Return a /dev/null to hide files under (O_PATH), and the MountAttr that such a bind needs.

    It is the container's own where that is the device. The host's serves where it is not, but read-only,
    since its mode could be changed through the bind otherwise.
    """
    try:
        fd = root.open("/dev/null", os.O_PATH | os.O_NOFOLLOW)
    except OSError:
        fd = -1
    if fd >= 0:
        if _is_null(fd):
            return fd, 0
        os.close(fd)
    fd = os.open("/dev/null", os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    if not _is_null(fd):
        os.close(fd)
        raise Refused("/dev/null of the host is not the null device")
    return fd, MountAttr.RDONLY | MountAttr.NOSUID | MountAttr.NOEXEC


def _is_null(fd: int) -> bool:
    status = os.fstat(fd)
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == os.makedev(1, 3)
