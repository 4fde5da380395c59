"""A tree copied as it is: owners, modes, times, attributes, hard links, links, devices, holes.

Both trees are walked by descriptors and no link is followed. Sockets are left out: nobody listens on a copy.
"""

import contextlib
import errno
import os
import stat

from wharf.content.extract import FREE_FLOOR
from wharf.errors import Internal
from wharf.linux import rooted

_INSIDE = rooted.RESOLVE_BENEATH | rooted.RESOLVE_NO_SYMLINKS | rooted.RESOLVE_NO_MAGICLINKS
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PIECE = 8 * 1024 * 1024
_COPIED_XATTRS = ("security.capability", "user.", "system.posix_acl_")


class Copier:
    """Copies what is in the directory `source` into the empty directory `target` (both borrowed)."""

    def __init__(self, source: int, target: int) -> None:
        self._source = source
        self._target = target
        self._links: dict[tuple[int, int], str] = {}
        self._unchecked = 0
        self.size = 0

    def run(self) -> None:
        """Copy everything; raises OSError, Internal when the disk is nearly full."""
        previous = os.umask(0)
        try:
            folders = ["."]
            for folder in folders:  # grows while it is walked
                folders += self._folder(folder)
            # A directory's times change with what is made in it: they are set when all is there.
            for folder in reversed(folders):
                self._finish_folder(folder)
        finally:
            os.umask(previous)

    def _folder(self, path: str) -> list[str]:
        """Copy what is in one directory; return the paths of the directories in it."""
        flags = os.O_RDONLY | os.O_DIRECTORY
        source = rooted.openat2(self._source, path, flags, resolve=_INSIDE)
        try:
            target = rooted.openat2(self._target, path, flags, resolve=_INSIDE)
            try:
                inside = ((name, f"{path}/{name}") for name in sorted(os.listdir(source)))
                return [below for name, below in inside if self._entry(source, target, name, below)]
            finally:
                os.close(target)
        finally:
            os.close(source)

    def _entry(self, source: int, target: int, name: str, path: str) -> bool:
        """Copy one entry; say whether it is a directory, whose content is still to come."""
        status = os.stat(name, dir_fd=source, follow_symlinks=False)
        mode = status.st_mode
        if stat.S_ISDIR(mode):
            os.mkdir(name, 0o700, dir_fd=target)
            return True
        inode = (status.st_dev, status.st_ino)
        if status.st_nlink > 1 and inode in self._links:
            self._link(self._links[inode], target, name)
            return False
        if stat.S_ISREG(mode):
            self._file(source, target, name)
        elif stat.S_ISLNK(mode):
            os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
        elif stat.S_ISSOCK(mode):
            return False
        else:
            os.mknod(name, stat.S_IFMT(mode) | 0o600, status.st_rdev, dir_fd=target)
        if not stat.S_ISREG(mode):
            os.chown(name, status.st_uid, status.st_gid, dir_fd=target, follow_symlinks=False)
            if not stat.S_ISLNK(mode):
                os.chmod(name, stat.S_IMODE(mode), dir_fd=target)
            times = (status.st_atime_ns, status.st_mtime_ns)
            os.utime(name, ns=times, dir_fd=target, follow_symlinks=False)
        if status.st_nlink > 1:
            self._links[inode] = path
        return False

    def _link(self, first: str, target: int, name: str) -> None:
        head, _, base = first.rpartition("/")
        parent = rooted.openat2(self._target, head, os.O_PATH | os.O_DIRECTORY, resolve=_INSIDE)
        try:
            os.link(base, name, src_dir_fd=parent, dst_dir_fd=target, follow_symlinks=False)
        finally:
            os.close(parent)

    def _file(self, source: int, target: int, name: str) -> None:
        old = os.open(name, _READ, dir_fd=source)
        try:
            new = os.open(name, _NEW, 0o600, dir_fd=target)
            try:
                self._content(old, new)
                copy_attributes(old, new)
            finally:
                os.close(new)
        finally:
            os.close(old)

    def _content(self, old: int, new: int) -> None:
        """Copy a file's bytes, its holes left as holes."""
        size = os.fstat(old).st_size
        at = 0
        while at < size:
            try:
                start = os.lseek(old, at, os.SEEK_DATA)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                break  # nothing but a hole is left
            end = min(os.lseek(old, start, os.SEEK_HOLE), size)
            os.lseek(new, start, os.SEEK_SET)
            while start < end and (done := os.sendfile(new, old, start, min(end - start, _PIECE))):
                start += done
                self._check_space(done)
            at = end
        os.ftruncate(new, size)

    def _check_space(self, written: int) -> None:
        self.size += written
        self._unchecked += written
        if self._unchecked >= _PIECE:
            self._unchecked = 0
            status = os.fstatvfs(self._target)
            if status.f_bavail * status.f_frsize < FREE_FLOOR:
                raise Internal("no space left on device")

    def _finish_folder(self, path: str) -> None:
        flags = os.O_RDONLY | os.O_DIRECTORY
        source = rooted.openat2(self._source, path, flags, resolve=_INSIDE)
        try:
            target = rooted.openat2(self._target, path, flags, resolve=_INSIDE)
            try:
                copy_attributes(source, target)
            finally:
                os.close(target)
        finally:
            os.close(source)


def copy_attributes(source: int, target: int, *, as_it_was: os.stat_result | None = None) -> None:
    """Give `target` the owner, mode, attributes and times of `source` (both open); raises OSError.

    `as_it_was` is the status of a source that has changed since.
    """
    status = as_it_was or os.fstat(source)
    os.fchown(target, status.st_uid, status.st_gid)
    os.fchmod(target, stat.S_IMODE(status.st_mode))
    with contextlib.suppress(OSError):  # a file system without such attributes: Docker goes on, too
        for name in os.listxattr(source):
            if name.startswith(_COPIED_XATTRS):
                os.setxattr(target, name, os.getxattr(source, name))
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
