"""The job `pack`: a tree, or one layer of it, as a tar; throw-away and sandboxed.

Arguments: `lower` (folders below the snapshots' folder, highest first; several are merged by overlayfs),
`as_layer` (whether overlayfs's whiteouts become a layer's `.wh.` files). Descriptors: the snapshots' folder,
and where the tar goes: a pipe, a socket or a file. Result: `size` (bytes written).

As Docker's `export`: names without a leading slash, in the order of their letters, a directory before what is
in it, whole seconds, numeric owners, sockets left out. A file that shrinks while it is read is filled with
zeros.
"""

import errno
import os
import stat

from wharf.content import name as names
from wharf.content import sandbox
from wharf.content.extract import OPAQUE_XATTR, is_wanted_xattr
from wharf.content.outcome import Tell, integer, job, strings
from wharf.content.tar import header as kinds
from wharf.content.tar.header import padding
from wharf.content.tar.writer import END, entry
from wharf.linux import mount, rooted
from wharf.linux.clone import CloneFlag, unshare
from wharf.linux.mount import MountFlag
from wharf.linux.rooted import Root

_BUFFER = 1024 * 1024
_SMALL = 64 * 1024
_INSIDE = rooted.RESOLVE_BENEATH | rooted.RESOLVE_NO_SYMLINKS | rooted.RESOLVE_NO_MAGICLINKS
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOATIME | os.O_CLOEXEC
_GONE = frozenset((errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESTALE))
_STAND = "trash"
"""A folder that is always there, to mount on in this job's own namespace."""

_SECOND = 1_000_000_000


def pack(args: dict[str, object], fds: list[int], tell: Tell) -> dict[str, object]:  # noqa: ARG001 - a job's shape
    """Do what the module says."""
    snapshots_fd, output_fd = fds
    lower = strings(args, "lower")
    os.fchdir(snapshots_fd)
    if len(lower) > 1:
        unshare(CloneFlag.NEWNS)
        mount.mount("none", "/", "", MountFlag.REC | MountFlag.PRIVATE)
        mount.mount("overlay", _STAND, "overlay", MountFlag.RDONLY, f"lowerdir={':'.join(lower)}")
    folder = os.open(_STAND if len(lower) > 1 else lower[0], os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with sandbox.enter(folder) as root:
        packer = Packer(root, output_fd, as_layer=bool(integer(args, "as_layer")))
        packer.run()
    return {"size": packer.size}


class Packer:
    """Writes what is below `root` (borrowed) to `output_fd` (borrowed); `prefix` goes before each name."""

    def __init__(self, root: Root, output_fd: int, *, as_layer: bool, prefix: bytes = b"") -> None:
        self._root = root
        self._output = output_fd
        self._as_layer = as_layer
        self._prefix = prefix
        self._links: dict[tuple[int, int], bytes] = {}
        self._buffer = bytearray()
        self.size = 0

    def run_root(self) -> None:
        """Write the root itself by the name that is the prefix, everything and the end; raises OSError."""
        self._head(b"", os.fstat(self._root.fd), kinds.DIRECTORY)
        self.run()

    def run_one(self, base: bytes) -> None:
        """Write the entry `base` of the root, which is no directory, and the end; raises OSError."""
        self._entry(base)
        self._put(END)
        self._flush()

    def run(self) -> None:
        """Write everything and the end; raises OSError."""
        pending = [b""]
        while pending:
            path = pending.pop()
            # Deepest first: the stack holds what is still to come in the order of the walk.
            pending += reversed(self._entry(path) if path else self._listed(b""))
        self._put(END)
        self._flush()

    def _listed(self, path: bytes) -> list[bytes]:
        fd = rooted.openat2(
            self._root.fd, os.fsdecode(path) or ".", os.O_RDONLY | os.O_DIRECTORY, resolve=_INSIDE
        )
        try:
            found = sorted(os.fsencode(each) for each in os.listdir(fd))
        finally:
            os.close(fd)
        return [path + b"/" + each if path else each for each in found]

    def _entry(self, path: bytes) -> list[bytes]:
        """Write one entry; return the paths of what is in it."""
        head, _, base = path.rpartition(b"/")
        flags = os.O_PATH | os.O_DIRECTORY
        try:
            parent = rooted.openat2(self._root.fd, os.fsdecode(head) or ".", flags, resolve=_INSIDE)
        except OSError as error:
            if error.errno in _GONE:
                return []
            raise
        try:
            status = os.stat(base, dir_fd=parent, follow_symlinks=False)
            return self._write(path, parent, base, status)
        except OSError as error:
            if error.errno in _GONE:
                return []  # removed or replaced while we came here
            raise
        finally:
            os.close(parent)

    def _write(self, path: bytes, parent: int, base: bytes, status: os.stat_result) -> list[bytes]:
        mode = status.st_mode
        if stat.S_ISDIR(mode):
            self._directory(path, parent, base, status)
            return self._listed(path)
        if stat.S_ISREG(mode):
            self._file(path, parent, base, status)
        elif stat.S_ISLNK(mode):
            target = os.readlink(base, dir_fd=parent)
            self._head(path, status, kinds.SYMLINK, link=target, mode=0o777)
        elif stat.S_ISCHR(mode) and status.st_rdev == 0 and self._as_layer:
            head, _, name = path.rpartition(b"/")
            hidden = names.WHITEOUT + name
            self._head(head + b"/" + hidden if head else hidden, status, kinds.REGULAR, mode=0o600)
        elif stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
            kind = kinds.CHARACTER if stat.S_ISCHR(mode) else kinds.BLOCK_DEVICE
            self._head(path, status, kind, device=(os.major(status.st_rdev), os.minor(status.st_rdev)))
        elif stat.S_ISFIFO(mode):
            self._head(path, status, kinds.FIFO)
        return []

    def _head(
        self,
        path: bytes,
        status: os.stat_result,
        kind: bytes,
        *,
        link: bytes = b"",
        mode: int | None = None,
        size: int = 0,
        device: tuple[int, int] = (0, 0),
        xattrs: dict[bytes, bytes] | None = None,
    ) -> None:
        self._put(
            entry(
                self._prefix + path,
                kind=kind,
                mode=stat.S_IMODE(status.st_mode) if mode is None else mode,
                uid=status.st_uid,
                gid=status.st_gid,
                size=size,
                mtime=status.st_mtime_ns // _SECOND * _SECOND,
                link=link,
                device=device,
                xattrs=xattrs,
            )
        )

    def _directory(self, path: bytes, parent: int, base: bytes, status: os.stat_result) -> None:
        fd = os.open(base, _READ | os.O_DIRECTORY, dir_fd=parent)
        try:
            xattrs = _xattrs(fd)
            is_opaque = self._as_layer and _is_opaque(fd)
        finally:
            os.close(fd)
        self._head(path + b"/", status, kinds.DIRECTORY, xattrs=xattrs)
        if is_opaque:
            mode = status.st_mode & 0o777
            name = path + b"/" + names.OPAQUE
            self._put(entry(name, mode=mode, uid=status.st_uid, gid=status.st_gid))

    def _file(self, path: bytes, parent: int, base: bytes, status: os.stat_result) -> None:
        inode = (status.st_dev, status.st_ino)
        if status.st_nlink > 1 and inode in self._links:
            self._head(path, status, kinds.HARD_LINK, link=self._prefix + self._links[inode])
            return
        fd = os.open(base, _READ, dir_fd=parent)
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                return  # replaced while we came here
            self._links[inode] = path
            self._head(path, status, kinds.REGULAR, size=status.st_size, xattrs=_xattrs(fd))
            self._content(fd, status.st_size)
        finally:
            os.close(fd)

    def _content(self, fd: int, size: int) -> None:
        left = size
        if size > _SMALL:
            self._flush()
            while left and (done := os.sendfile(self._output, fd, None, min(left, _BUFFER))):
                left -= done
                self.size += done
        else:
            while left and (piece := os.read(fd, left)):
                self._put(piece)
                left -= len(piece)
        while left:
            self._put(bytes(min(left, _SMALL)))
            left -= min(left, _SMALL)
        self._put(bytes(padding(size)))

    def _put(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) >= _BUFFER:
            self._flush()

    def _flush(self) -> None:
        data = memoryview(bytes(self._buffer))
        self._buffer.clear()
        while data:
            done = os.write(self._output, data)
            self.size += done
            data = data[done:]


def _xattrs(fd: int) -> dict[bytes, bytes] | None:
    try:
        found = [key for key in map(os.fsencode, os.listxattr(fd)) if is_wanted_xattr(key)]
    except OSError:
        return None  # a file system without such attributes
    return {key: os.getxattr(fd, key) for key in found} or None


def _is_opaque(fd: int) -> bool:
    try:
        return os.getxattr(fd, OPAQUE_XATTR) == b"y"
    except OSError:
        return False


pack_job = job(pack)
