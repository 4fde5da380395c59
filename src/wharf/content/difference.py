"""The job `difference`: what a container's own layer changes of what lies below it.

Arguments: `upper` (the number of the layer), `lower` (folders below it, highest first). Descriptors: the
snapshots' folder, and a pipe for the answer: of each change one byte (`0` changed, `1` added, `2` deleted),
its absolute path and a NUL.

The meaning is Docker's: a file is changed when mode, owner, device, size, time or capability differ; a
directory also when something in it does; of a directory that is deleted, nothing below it is told.
"""

import os
import stat
from collections.abc import Mapping
from typing import NamedTuple

from wharf.content import sandbox
from wharf.content.extract import OPAQUE_XATTR
from wharf.content.outcome import Tell, integer, job, strings
from wharf.content.sandbox import Submount
from wharf.linux import mount, rooted
from wharf.linux.clone import CloneFlag, unshare
from wharf.linux.mount import MountFlag

CHANGED, ADDED, DELETED = b"0", b"1", b"2"

_STAND = "trash"
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_INSIDE = rooted.RESOLVE_BENEATH | rooted.RESOLVE_NO_SYMLINKS | rooted.RESOLVE_NO_MAGICLINKS
_CAPABILITY = b"security.capability"
_BATCH = 64 * 1024


def difference(args: dict[str, object], fds: list[int], tell: Tell) -> Mapping[str, object]:  # noqa: ARG001 - a job's shape
    """Do what the module says."""
    snapshots_fd, output_fd = fds
    upper, lower = integer(args, "upper"), strings(args, "lower")
    os.fchdir(snapshots_fd)
    unshare(CloneFlag.NEWNS)
    mount.mount("none", "/", "", MountFlag.REC | MountFlag.PRIVATE)
    new = _clone(f"{upper}/fs")
    old = None
    if len(lower) > 1:
        mount.mount("overlay", _STAND, "overlay", MountFlag.RDONLY, f"lowerdir={':'.join(lower)}")
        old = _clone(_STAND)
    elif lower:
        old = _clone(lower[0])
    world = mount.new_filesystem("tmpfs", "tmpfs", [("mode", "700"), ("size", "64k")])
    submounts = [Submount("/new", new), *([Submount("/old", old)] if old is not None else [])]
    with sandbox.enter_tree(world, submounts) as root:
        below = root.open("/old", _DIRECTORY) if old is not None else -1
        _Comparison(output_fd, root.open("/new", _DIRECTORY), below).run()
    return {}


def _clone(path: str) -> int:
    place = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    tree = mount.clone_tree(place, recursive=False)
    os.close(place)
    return tree


class _Inner(NamedTuple):
    """A directory to compare yet, whether it was one before, and whether its own change is told already."""

    path: bytes
    was_there: bool
    is_told: bool


class _Frame:
    """A directory that is being compared: what is left of it (a change, or an inner one), last one first."""

    __slots__ = ("is_told", "left", "line", "path")

    def __init__(self, inner: _Inner, line: int, left: list[bytes | _Inner]) -> None:
        self.path = inner.path
        self.is_told = inner.is_told
        self.line = line
        self.left = left


class _Comparison:
    """Collects the changes between two trees; depth costs no descriptors and no recursion."""

    def __init__(self, output_fd: int, new: int, old: int) -> None:
        """Compare the open directories `new` and `old` (borrowed; -1 where nothing was)."""
        self._output = output_fd
        self._new = new
        self._old = old
        self._found: list[bytes] = []

    def run(self) -> None:
        """Compare everything and send what was found; raises OSError when nobody reads."""
        frames = [self._enter(_Inner(b"", self._old >= 0, True))]
        while frames:
            frame = frames[-1]
            if not frame.left:
                if len(self._found) > frame.line and not frame.is_told:
                    self._found.insert(frame.line, CHANGED + frame.path)
                frames.pop()
            elif isinstance(item := frame.left.pop(), _Inner):
                if item.is_told:
                    self._found.append((CHANGED if item.was_there else ADDED) + item.path)
                frames.append(self._enter(item))
            else:
                self._found.append(item)
        self._send(self._found)

    def _enter(self, inner: _Inner) -> _Frame:
        left: list[bytes | _Inner] = []
        new = _open(self._new, inner.path)
        old = _open(self._old, inner.path) if inner.was_there else -1
        try:
            if new >= 0:
                left = self._listed(inner.path, new, old)
        finally:
            for fd in (new, old):
                if fd >= 0:
                    os.close(fd)
        return _Frame(inner, len(self._found), left[::-1])

    def _listed(self, path: bytes, new: int, old: int) -> list[bytes | _Inner]:
        found = sorted(os.fsencode(name) for name in os.listdir(new))
        left: list[bytes | _Inner] = []
        if old >= 0 and _is_opaque(new):
            gone = {os.fsencode(name) for name in os.listdir(old)}.difference(found)
            left += [DELETED + path + b"/" + name for name in sorted(gone)]
        left += [
            item for name in found if (item := _compared(path + b"/" + name, name, new, old)) is not None
        ]
        return left

    def _send(self, lines: list[bytes]) -> None:
        data = memoryview(b"".join(line + b"\0" for line in lines))
        while data:
            data = data[os.write(self._output, data[:_BATCH]) :]


def _open(tree: int, path: bytes) -> int:
    """Open a directory of a tree, -1 where it is none any more."""
    try:
        return rooted.openat2(tree, "." + os.fsdecode(path), _DIRECTORY, resolve=_INSIDE)
    except OSError:
        return -1


def _compared(path: bytes, name: bytes, new: int, old: int) -> bytes | _Inner | None:
    """Compare one entry of two open directories."""
    status, before = _status(new, name), _status(old, name)
    if status is None:
        return None  # removed while we came here
    if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:  # a whiteout
        return None if before is None else DELETED + path
    if stat.S_ISDIR(status.st_mode):
        return _Inner(path, before is not None, before is None or _differ(status, before))
    if before is None:
        return ADDED + path
    if _differ(status, before) or _capability(new, name) != _capability(old, name):
        return CHANGED + path
    return None


def _status(folder: int, name: bytes) -> os.stat_result | None:
    if folder < 0:
        return None
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _differ(new: os.stat_result, old: os.stat_result) -> bool:
    if (new.st_mode, new.st_uid, new.st_gid, new.st_rdev) != (
        old.st_mode,
        old.st_uid,
        old.st_gid,
        old.st_rdev,
    ):
        return True
    return not stat.S_ISDIR(new.st_mode) and (new.st_size, new.st_mtime_ns) != (old.st_size, old.st_mtime_ns)


def _capability(folder: int, name: bytes) -> bytes | None:
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return None  # a link, a device or a socket has none
    try:
        return os.getxattr(fd, _CAPABILITY)
    except OSError:
        return None
    finally:
        os.close(fd)


def _is_opaque(fd: int) -> bool:
    try:
        return os.getxattr(fd, OPAQUE_XATTR) == b"y"
    except OSError:
        return False


difference_job = job(difference)
