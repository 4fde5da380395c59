"""An archive made into local files, below one directory and nowhere else.

The archive says what a container has, and so is nobody's friend. Directories are opened one part at a time
and no link is ever followed: a name that leads through one, or above the directory, is refused. What stands
at a place is replaced; a directory only by a directory. Owners are left as they come out.
"""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
from collections.abc import Callable, Iterable

from wharf.cli.copying.paths import go_words
from wharf.cli.errors import CliError

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PIECE = 1024 * 1024
_CAPABILITY = "security.capability"
_NODES = {tarfile.CHRTYPE: stat.S_IFCHR, tarfile.BLKTYPE: stat.S_IFBLK, tarfile.FIFOTYPE: stat.S_IFIFO}

Rename = Callable[[str], str]


class _Stream:
    """Pieces as the file that tarfile reads."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = filter(None, pieces)
        self._rest = b""

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes."""
        if not self._rest:
            self._rest = next(self._pieces, b"")
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece


def unpack(pieces: Iterable[bytes], folder: str, rename: Rename) -> None:
    """Make the files of an archive below `folder`, by names that `rename` gives.

    Raises:
        CliError: the archive is broken or hostile, or the system refuses.
    """
    try:
        top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise CliError(f"open {go_words(error)}") from None
    previous = os.umask(0)
    try:
        _Unpacking(top, folder, rename).run(_Stream(pieces))
    except tarfile.TarError as error:
        raise CliError(f"archive/tar: {error}") from None
    finally:
        os.umask(previous)
        os.close(top)


class _Unpacking:
    def __init__(self, top: int, folder: str, rename: Rename) -> None:
        self._top = top
        self._folder = folder
        self._rename = rename
        self._directories: list[tuple[list[str], int]] = []

    def run(self, stream: _Stream) -> None:
        # Read-only and forwards: of tarfile only its parser is used, never its idea of a path.
        archive = tarfile.open(fileobj=stream, mode="r|", bufsize=_PIECE)  # type: ignore[call-overload]
        for member in archive:
            name = self._rename(member.name)
            try:
                self._member(archive, member, name)
            except OSError as error:
                raise CliError(f"open {name}: {(error.strerror or str(error)).lower()}") from None
        for parts, mtime in self._directories:
            parent = self._parent(parts, name="/".join(parts))
            try:
                os.utime(parts[-1], (mtime, mtime), dir_fd=parent, follow_symlinks=False)
            finally:
                os.close(parent)

    def _member(self, archive: tarfile.TarFile, member: tarfile.TarInfo, name: str) -> None:
        parts = _parts(name)
        if not parts:
            return  # the folder itself stays as it is
        parent = self._parent(parts, name=name)
        try:
            is_new = self._clear(parent, parts[-1], member, name)
            if member.isdir():
                self._directory(parent, parts, member, is_new=is_new)
            else:
                self._make(archive, member, parent, parts[-1], name)
        finally:
            os.close(parent)

    def _parent(self, parts: list[str], *, name: str) -> int:
        """Return the directory that the last part is in, made where it is missing; the caller's."""
        fd = os.dup(self._top)
        for part in parts[:-1]:
            try:
                inner = self._step(fd, part)
            except OSError as error:
                if isinstance(error, NotADirectoryError) or stat.S_ISLNK(_mode(fd, part)):
                    raise CliError(f"openat {name}: path escapes from parent") from None
                raise
            finally:
                os.close(fd)
            fd = inner
        return fd

    @staticmethod
    def _step(fd: int, part: str) -> int:
        try:
            return os.open(part, _DIRECTORY, dir_fd=fd)
        except FileNotFoundError:
            os.mkdir(part, 0o755, dir_fd=fd)
            return os.open(part, _DIRECTORY, dir_fd=fd)

    def _clear(self, parent: int, base: str, member: tarfile.TarInfo, name: str) -> bool:
        """Make room for a member; return whether there is nothing at its place now."""
        mode = _mode(parent, base)
        if not mode:
            return True
        was_directory = stat.S_ISDIR(mode)
        if was_directory and not member.isdir():
            raise CliError(f'cannot overwrite directory "{name}" with non-directory "{self._folder}"')
        if member.isdir() and not was_directory:
            raise CliError(f'cannot overwrite non-directory "{name}" with directory "{self._folder}"')
        if was_directory:
            return False
        os.unlink(base, dir_fd=parent)
        return True

    def _directory(self, parent: int, parts: list[str], member: tarfile.TarInfo, *, is_new: bool) -> None:
        if is_new:
            os.mkdir(parts[-1], 0o700, dir_fd=parent)
        fd = os.open(parts[-1], _DIRECTORY, dir_fd=parent)
        os.fchmod(fd, member.mode & 0o7777)
        os.close(fd)
        self._directories.append((parts, int(member.mtime)))

    def _make(
        self, archive: tarfile.TarFile, member: tarfile.TarInfo, parent: int, base: str, name: str
    ) -> None:
        if member.isreg():
            self._file(archive, member, parent, base)
            return
        if member.islnk():
            self._hard_link(member, parent, base)
            return
        if member.issym():
            os.symlink(member.linkname, base, dir_fd=parent)
        elif member.type in _NODES:
            device = os.makedev(member.devmajor, member.devminor) if not member.isfifo() else 0
            os.mknod(base, _NODES[member.type] | member.mode & 0o777, device, dir_fd=parent)
        else:
            raise CliError(f"unhandled tar header type {member.type[0]} of {name}")
        os.utime(base, (int(member.mtime),) * 2, dir_fd=parent, follow_symlinks=False)

    @staticmethod
    def _file(archive: tarfile.TarFile, member: tarfile.TarInfo, parent: int, base: str) -> None:
        fd = os.open(base, _NEW, 0o600, dir_fd=parent)
        with open(fd, "wb", buffering=0) as file:
            content = archive.extractfile(member)
            assert content is not None
            shutil.copyfileobj(content, file, _PIECE)
            os.fchmod(fd, member.mode & 0o7777)
            value = member.pax_headers.get(f"SCHILY.xattr.{_CAPABILITY}")
            if value is not None and os.geteuid() == 0:
                os.setxattr(fd, _CAPABILITY, value.encode("utf-8", "surrogateescape"))
            os.utime(fd, (int(member.mtime),) * 2)

    def _hard_link(self, member: tarfile.TarInfo, parent: int, base: str) -> None:
        target = self._rename(member.linkname)
        parts = _parts(target)
        if not parts:
            raise CliError(f'invalid hardlink target "{target}"')
        source = self._parent(parts, name=target)
        try:
            os.link(parts[-1], base, src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False)
        finally:
            os.close(source)


def _parts(name: str) -> list[str]:
    """Return the parts of a member's name; raises CliError where it leads above the folder."""
    parts: list[str] = []
    for part in name.split("/"):
        if part == "..":
            if not parts:
                raise CliError(f'invalid entry name "{name}"')
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return parts


def _mode(parent: int, base: str) -> int:
    """Return the mode of an entry, 0 where there is none."""
    try:
        return os.stat(base, dir_fd=parent, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return 0
