"""An archive of local files, piece by piece, as Docker's client makes it: PAX, with names in order."""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Callable, Iterator

from wharf.cli.copying.paths import split

_PIECE = 1024 * 1024
_CAPABILITY = "security.capability"

Rename = Callable[[str], str]


def packed(path: str, rename: Rename) -> Iterator[bytes]:
    """Yield the archive of what is at `path`: it, and all below it, by names that `rename` gives.

    What cannot be read is left out, as Docker's client leaves it out.
    """
    folder, base = split(path)
    links: dict[tuple[int, int], str] = {}
    pending = [base]
    while pending:
        name = pending.pop()
        here = os.path.join(folder, name)
        try:
            status = os.lstat(here)
            if stat.S_ISDIR(status.st_mode):
                pending += [f"{name}/{each}" for each in sorted(os.listdir(here), reverse=True)]
        except OSError:
            continue
        yield from _entry(here, rename(name), status, links)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _entry(
    here: str, name: str, status: os.stat_result, links: dict[tuple[int, int], str]
) -> Iterator[bytes]:
    info = tarfile.TarInfo(name)
    info.mode = stat.S_IMODE(status.st_mode)
    info.uid, info.gid = status.st_uid, status.st_gid
    info.mtime = int(status.st_mtime)
    kind = stat.S_IFMT(status.st_mode)
    inode = (status.st_dev, status.st_ino)
    if kind == stat.S_IFDIR:
        info.type = tarfile.DIRTYPE
    elif kind == stat.S_IFLNK:
        info.type = tarfile.SYMTYPE
        info.linkname = os.readlink(here)
    elif kind == stat.S_IFIFO:
        info.type = tarfile.FIFOTYPE
    elif kind in (stat.S_IFCHR, stat.S_IFBLK):
        info.type = tarfile.CHRTYPE if kind == stat.S_IFCHR else tarfile.BLKTYPE
        info.devmajor, info.devminor = os.major(status.st_rdev), os.minor(status.st_rdev)
    elif kind != stat.S_IFREG:
        return  # no archive holds a socket
    elif status.st_nlink > 1 and inode in links:
        info.type = tarfile.LNKTYPE
        info.linkname = links[inode]
    else:
        yield from _file(here, info, inode, links)
        return
    yield _header(info)


def _file(
    here: str, info: tarfile.TarInfo, inode: tuple[int, int], links: dict[tuple[int, int], str]
) -> Iterator[bytes]:
    try:
        fd = os.open(here, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            return  # replaced meanwhile
        links[inode] = info.name
        info.size = left = status.st_size
        try:
            value = os.getxattr(fd, _CAPABILITY)
            info.pax_headers = {f"SCHILY.xattr.{_CAPABILITY}": value.decode("utf-8", "surrogateescape")}
        except OSError:
            pass
        yield _header(info)
        while left:
            # A file that shrinks meanwhile is filled up, one that grows is cut off: the size is told already.
            piece = os.read(fd, min(left, _PIECE)) or bytes(min(left, _PIECE))
            left -= len(piece)
            yield piece
        yield bytes(-info.size % tarfile.BLOCKSIZE)
    finally:
        os.close(fd)


def _header(info: tarfile.TarInfo) -> bytes:
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
