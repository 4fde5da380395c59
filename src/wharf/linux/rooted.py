"""Paths inside somebody else's tree: walked from a descriptor, never out of it.

Every path inside a container or an image is resolved by openat2(2) with RESOLVE_IN_ROOT (absolute links and
`..` stay inside) and RESOLVE_NO_MAGICLINKS (no /proc/N/fd jump), so that no race can lead outside. Nothing
here takes a path apart and trusts the parts: each step holds a descriptor. Raises OSError; its filename is
the path asked for.
"""

import ctypes
import errno
import os
import struct
from types import TracebackType
from typing import Self

from wharf.linux import mount
from wharf.linux.libc import syscall

_OPENAT2 = 437
_OPEN_HOW = struct.Struct("=QQQ")
assert _OPEN_HOW.size == 24, "OPEN_HOW_SIZE_VER0"

RESOLVE_NO_XDEV = 0x01
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
RESOLVE_IN_ROOT = 0x10

_INSIDE = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS
_RETRIES = 128
_LINKS = 40  # as many as the kernel follows in one walk


def openat2(directory_fd: int, path: str, flags: int, *, mode: int = 0, resolve: int) -> int:
    """Open `path` below `directory_fd`, close-on-exec; a walk that raced with a rename is repeated."""
    how = ctypes.create_string_buffer(_OPEN_HOW.pack(flags | os.O_CLOEXEC, mode, resolve), _OPEN_HOW.size)
    for _ in range(_RETRIES):
        try:
            return syscall(_OPENAT2, directory_fd, os.fsencode(path), how, _OPEN_HOW.size)
        except OSError as error:
            if error.errno != errno.EAGAIN:
                error.filename = path
                raise
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN), path)


class Root:
    """A directory that is the root of a tree; owns its descriptor."""

    __slots__ = ("fd",)

    def __init__(self, fd: int) -> None:
        self.fd = fd

    @classmethod
    def at(cls, path: str) -> "Root":
        """Return the tree at a trusted path of the caller's own namespace."""
        return cls(os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))

    def close(self) -> None:
        """Close the descriptor; twice does no harm."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self, path: str, flags: int = os.O_PATH, *, mode: int = 0) -> int:
        """Open what `path` leads to; with O_NOFOLLOW the last link is not followed."""
        return openat2(self.fd, path, flags, mode=mode, resolve=_INSIDE)

    def make_directories(self, path: str, mode: int = 0o755) -> int:
        """Make `path` and what is missing above it, as mkdir -p; return it opened with O_PATH.

        A dangling link on the way is followed by what it says: its target is made. Raises NotADirectoryError.
        """
        return self._make(path, mode, _LINKS)

    def _make(self, path: str, mode: int, links: int) -> int:
        try:
            return self.open(path, os.O_PATH | os.O_DIRECTORY)
        except FileNotFoundError:
            return self._make_missing(path, mode, links)

    def _make_missing(self, path: str, mode: int, links: int) -> int:
        clean = path.rstrip("/")
        head, _, name = clean.rpartition("/")
        if not name:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        parent = self._make(head or "/", mode, links)
        try:
            try:
                os.mkdir(name, mode, dir_fd=parent)
            except FileExistsError:
                return self._make_target(parent, head, name, mode, links)
            return self._below(parent, name, os.O_PATH | os.O_DIRECTORY, path)
        except OSError as error:
            error.filename = path
            raise
        finally:
            os.close(parent)

    def _make_target(self, parent: int, head: str, name: str, mode: int, links: int) -> int:
        """Make what the dangling link `name` points to; `name` may also have appeared just now."""
        try:
            target = os.readlink(name, dir_fd=parent)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            return self._below(parent, name, os.O_PATH | os.O_DIRECTORY, name)
        if links == 0:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name)
        return self._make(target if target.startswith("/") else f"{head}/{target}", mode, links - 1)

    @staticmethod
    def _below(parent: int, name: str, flags: int, path: str, *, mode: int = 0) -> int:
        """Open the entry `name` itself, which must not be a link."""
        resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS
        try:
            return openat2(parent, name, flags | os.O_NOFOLLOW, mode=mode, resolve=resolve)
        except OSError as error:
            error.filename = path
            raise

    def make_file(self, path: str, mode: int = 0o644) -> int:
        """Return what `path` leads to, opened with O_PATH; an empty file is made there when there is nothing.

        Directories above are made, too; a dangling link makes its target.
        """
        for _ in range(_LINKS):
            try:
                return self.open(path)
            except FileNotFoundError:
                pass
            head, _, name = path.rstrip("/").rpartition("/")
            parent = self.make_directories(head or "/")
            try:
                try:
                    os.close(self._below(parent, name, os.O_CREAT | os.O_EXCL | os.O_RDONLY, path, mode=mode))
                except FileExistsError:
                    target = os.readlink(name, dir_fd=parent)
                    path = target if target.startswith("/") else f"{head}/{target}"
                    continue
                return self._below(parent, name, os.O_PATH, path)
            finally:
                os.close(parent)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)

    def parent(self, path: str) -> tuple[int, str]:
        """Return the directory that `path` is an entry of (O_PATH, made when missing), and the name."""
        head, _, name = path.rstrip("/").rpartition("/")
        if name in ("", ".", ".."):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
        return self.make_directories(head or "/"), name

    def stat(self, path: str, *, follow: bool = True) -> os.stat_result:
        """Return the status of what `path` leads to, or of the link itself."""
        fd = self.open(path, os.O_PATH | (0 if follow else os.O_NOFOLLOW))
        try:
            return os.fstat(fd)
        finally:
            os.close(fd)

    def readlink(self, path: str) -> str:
        """Return what the link `path` says."""
        fd = self.open(path, os.O_PATH | os.O_NOFOLLOW)
        try:
            return os.readlink("", dir_fd=fd)
        finally:
            os.close(fd)

    def attach(self, mount_fd: int, target_fd: int) -> None:
        """Attach a detached mount at a place that was found by this tree's own methods."""
        mount.attach(mount_fd, target_fd)
