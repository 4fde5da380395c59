"""A layer's entries made into files: owners, modes, times, links, devices, holes, whiteouts.

What it promises: nothing is written outside of the target, whatever the archive says; an entry replaces what
an earlier one left at its place, except a directory, which is merged with; whiteouts become overlayfs's own
(a character device 0:0, and `trusted.overlay.opaque`). What it refuses: names above the root, hard links
that lead out or nowhere, a root that is no directory, whiteouts of nothing, unknown kinds of member, names
that the kernel does not take, and going on when the disk is nearly full.

Attributes of the root itself are passed over, as Docker passes over them.
"""

import errno
import os
import stat
from collections.abc import Callable

from wharf.content import name as names
from wharf.content.place import Place
from wharf.content.tar import header as kinds
from wharf.content.tar.header import BadArchive
from wharf.content.tar.reader import Entry, Reader
from wharf.errors import Internal
from wharf.linux.rooted import Root

OPAQUE_XATTR = b"trusted.overlay.opaque"
FREE_FLOOR = 64 * 1024 * 1024
"""Bytes that are left free for the engine's own state, however large an archive is."""

CHECK_EVERY = 32 * 1024 * 1024
_CHECK_ENTRIES = 4096
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_NODE = {kinds.CHARACTER: stat.S_IFCHR, kinds.BLOCK_DEVICE: stat.S_IFBLK, kinds.FIFO: stat.S_IFIFO}
_MAJOR_MAX, _MINOR_MAX = 0xFFF, 0xFFFFF


def is_wanted_xattr(key: bytes) -> bool:
    """Whether an archive may set this attribute: file capabilities and the user's own, never overlayfs's."""
    return key == b"security.capability" or (
        key.startswith(b"user.") and not key.startswith(b"user.overlay.")
    )


class Extractor:
    """Makes the entries of a layer below `root` (borrowed). `size` counts the bytes of its files."""

    def __init__(
        self, root: Root, reader: Reader, *, tick: Callable[[], None], free_floor: int | None = None
    ) -> None:
        """`tick` is called now and then while there is progress; `free_floor` bytes are left free."""
        self._free_floor = FREE_FLOOR if free_floor is None else free_floor
        self._root = root
        self._reader = reader
        self._place = Place(root)
        self._tick = tick
        self._times: dict[bytes, int] = {}
        self._since_check = 0
        self._entries = 0
        self.size = 0

    def run(self) -> None:
        """Make everything; raises BadArchive, Internal (disk full) or OSError."""
        previous = os.umask(0)
        try:
            with self._place:
                for entry in self._reader:
                    self._entries += 1
                    if not self._entries % _CHECK_ENTRIES:
                        self._check_space()
                    self._make(entry)
                self._set_directory_times()
        finally:
            os.umask(previous)

    def _make(self, entry: Entry) -> None:
        path = names.clean(entry.name)
        if not path:
            if entry.kind != kinds.DIRECTORY:
                raise BadArchive("invalid tar entry: the root of the archive is not a directory")
            return
        head, _, base = path.rpartition(b"/")
        try:
            if base.startswith(names.WHITEOUT):
                self._whiteout(self._place.directory(head), base)
            else:
                self._member(self._place.directory(head), path, base, entry)
        except RecursionError as error:
            raise BadArchive(
                f'cannot unpack "{names.shown(entry.name[:255])}": file name too long'
            ) from error
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS):
                raise Internal(f"cannot unpack: {_words(error)}") from error
            raise BadArchive(f'cannot unpack "{names.shown(entry.name)}": {_words(error)}') from error

    def _whiteout(self, parent: int, base: bytes) -> None:
        if base == names.OPAQUE:
            self._make_opaque(parent, b".")
            return
        hidden = names.hidden(base)
        try:
            os.mknod(hidden, stat.S_IFCHR, 0, dir_fd=parent)
        except FileExistsError:
            old = os.stat(hidden, dir_fd=parent, follow_symlinks=False)
            if not (stat.S_ISCHR(old.st_mode) and old.st_rdev == 0):
                raise

    def _make_opaque(self, parent: int, base: bytes) -> None:
        fd = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        try:
            os.setxattr(fd, OPAQUE_XATTR, b"y")
        finally:
            os.close(fd)

    def _member(self, parent: int, path: bytes, base: bytes, entry: Entry) -> None:
        kind = entry.kind
        if kind == kinds.REGULAR:
            self._file(parent, base, entry)
        elif kind == kinds.DIRECTORY:
            self._directory(parent, base, entry)
            self._times[path] = entry.mtime
        elif kind == kinds.SYMLINK:
            self._free(parent, base)
            os.symlink(entry.link, base, dir_fd=parent)
            self.size += len(entry.link)
            os.chown(base, entry.uid, entry.gid, dir_fd=parent, follow_symlinks=False)
            self._set_time(parent, base, entry.mtime)
        elif kind == kinds.HARD_LINK:
            self._hard_link(path, entry)
        elif kind in _NEW_NODE:
            self._node(parent, base, entry)
        else:
            raise BadArchive(f"unhandled tar header type {kind[0]}")

    def _file(self, parent: int, base: bytes, entry: Entry) -> None:
        try:
            fd = os.open(base, _NEW_FILE, entry.mode & 0o777, dir_fd=parent)
        except FileExistsError:
            self._free(parent, base)
            fd = os.open(base, _NEW_FILE, entry.mode & 0o777, dir_fd=parent)
        try:
            if entry.sparse is None:
                if entry.stored:
                    self._fill(fd)
            else:
                self._write_sparse(fd, entry)
            self.size += entry.size
            os.fchown(fd, entry.uid, entry.gid)
            if entry.mode & 0o7000:
                os.fchmod(fd, entry.mode)  # chown(2) has taken the set-id bits off
            if entry.xattrs:
                _set_xattrs(fd, entry.xattrs)
            mtime = _bounded(entry.mtime)
            os.utime(fd, ns=(mtime, mtime))
        finally:
            os.close(fd)

    def _fill(self, fd: int) -> None:
        """Write the content of the present entry."""
        for piece in self._reader.content():
            self._write(fd, piece)

    def _write(self, fd: int, piece: memoryview | bytes) -> None:
        written = os.write(fd, piece)
        while written < len(piece):
            written += os.write(fd, piece[written:])
        self._count(written)

    def _count(self, written: int) -> None:
        self._since_check += written
        if self._since_check >= CHECK_EVERY:
            self._check_space()

    def _write_sparse(self, fd: int, entry: Entry) -> None:
        assert entry.sparse is not None
        os.ftruncate(fd, entry.sparse.size)
        extents = iter(entry.sparse.extents)
        offset = left = 0
        for piece in self._reader.content():
            rest = memoryview(piece)
            while rest:
                if not left:
                    offset, left = next(extents)
                os.lseek(fd, offset, os.SEEK_SET)
                part = rest[:left]
                self._write(fd, part)
                offset, left, rest = offset + len(part), left - len(part), rest[len(part) :]

    def _directory(self, parent: int, base: bytes, entry: Entry) -> None:
        hides_lower = False
        try:
            os.mkdir(base, entry.mode & 0o777, dir_fd=parent)
        except FileExistsError:
            old = os.stat(base, dir_fd=parent, follow_symlinks=False)
            if not stat.S_ISDIR(old.st_mode):
                # A whiteout of the same name in this layer hides what the lower layers have there.
                hides_lower = stat.S_ISCHR(old.st_mode) and old.st_rdev == 0
                self._free(parent, base)
                os.mkdir(base, entry.mode & 0o777, dir_fd=parent)
        if hides_lower:
            self._make_opaque(parent, base)
        os.chown(base, entry.uid, entry.gid, dir_fd=parent, follow_symlinks=False)
        os.chmod(base, entry.mode, dir_fd=parent)
        if entry.xattrs:
            fd = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
            try:
                _set_xattrs(fd, entry.xattrs)
            finally:
                os.close(fd)

    def _hard_link(self, path: bytes, entry: Entry) -> None:
        target = names.clean(entry.link)
        if not target or target == path:
            raise BadArchive(f'invalid hardlink "{names.shown(entry.name)}" -> "{names.shown(entry.link)}"')
        head, _, base = path.rpartition(b"/")
        target_head, _, target_base = target.rpartition(b"/")
        # Only the place's latest answer is valid, so the first one is copied.
        source = os.dup(self._place.directory(target_head, make=False))
        try:
            parent = self._place.directory(head)
            self._free(parent, base)
            # Without following: a link to a link is a second name of that link (linkat(2)).
            os.link(target_base, base, src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False)
        finally:
            os.close(source)

    def _node(self, parent: int, base: bytes, entry: Entry) -> None:
        if entry.kind != kinds.FIFO and not (
            0 <= entry.major <= _MAJOR_MAX and 0 <= entry.minor <= _MINOR_MAX
        ):
            raise BadArchive("invalid tar header: impossible device number")
        device = 0 if entry.kind == kinds.FIFO else os.makedev(entry.major, entry.minor)
        self._free(parent, base)
        os.mknod(base, _NEW_NODE[entry.kind] | entry.mode & 0o777, device, dir_fd=parent)
        os.chown(base, entry.uid, entry.gid, dir_fd=parent, follow_symlinks=False)
        if entry.mode & 0o7000:
            os.chmod(base, entry.mode, dir_fd=parent)
        self._set_time(parent, base, entry.mtime)

    def _free(self, parent: int, base: bytes) -> None:
        """Remove what stands at an entry's place; the files of a removed tree stay counted in `size`."""
        old = self._place.clear(parent, base)
        if old is not None and old.st_nlink == 1 and not stat.S_ISDIR(old.st_mode):
            self.size -= old.st_size

    @staticmethod
    def _set_time(parent: int, base: bytes, mtime: int) -> None:
        mtime = _bounded(mtime)
        os.utime(base, ns=(mtime, mtime), dir_fd=parent, follow_symlinks=False)

    def _set_directory_times(self) -> None:
        """Set the directories' times when nothing more is made in them."""
        for path, mtime in self._times.items():
            head, _, base = path.rpartition(b"/")
            try:
                self._set_time(self._place.directory(head, make=False), base, mtime)
            except (FileNotFoundError, NotADirectoryError):
                continue  # a later entry replaced it

    def _check_space(self) -> None:
        self._since_check = 0
        self._tick()
        status = os.fstatvfs(self._root.fd)
        if status.f_bavail * status.f_frsize < self._free_floor or (status.f_files and not status.f_favail):
            raise Internal("cannot unpack: no space left on device")


def _set_xattrs(fd: int, xattrs: dict[bytes, bytes]) -> None:
    for key, value in xattrs.items():
        if is_wanted_xattr(key):
            try:
                os.setxattr(fd, key, value)
            except OSError as error:
                if error.errno != errno.ENOTSUP:  # a file system without such attributes: Docker goes on, too
                    raise


def _bounded(mtime: int) -> int:
    """Return a time that every file system takes: Docker's rule, 1970 where 64 bits of ns do not hold it."""
    return mtime if 0 <= mtime < 1 << 63 else 0


def _words(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
