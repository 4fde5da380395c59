"""The job `list_archive`: what is in an uploaded archive and where, without unpacking any of it.

Descriptors: the archive, an empty folder (the worker's whole world), the list (JSON, written here), and the
plain archive (empty; gets the decompressed bytes if the archive is compressed). Result: `compression`,
`count`, `size` (of the plain archive).

The list is one object, `{name: [offset, size]}` for regular files and `{name: target}` for links, both names
clean; a later member replaces an earlier one, as unpacking would. Sparse members are left out: nothing that
belongs into an image archive is sparse.
"""

import json
import os

from wharf.content import name as names
from wharf.content import sandbox
from wharf.content.compression import NONE, Source
from wharf.content.extract import FREE_FLOOR
from wharf.content.outcome import Tell, job
from wharf.content.tar import header as kinds
from wharf.content.tar.header import BadArchive
from wharf.content.tar.reader import Entry, Reader
from wharf.content.tar.tape import FileTape
from wharf.errors import Internal

MEMBERS_MAX = 100_000
"""Members of one image archive."""

_NAME_MAX = 4096
_CHECK_EVERY = 32 * 1024 * 1024


def list_archive(args: dict[str, object], fds: list[int], tell: Tell) -> dict[str, object]:  # noqa: ARG001 - a job's shape
    """Do what the module says."""
    archive_fd, folder_fd, list_fd, plain_fd = fds
    with sandbox.enter(folder_fd):
        source = Source(archive_fd)
        if source.compression != NONE:
            _decompress(source, plain_fd)
            archive_fd = plain_fd
        found = members(archive_fd)
        data = memoryview(json.dumps(found).encode())
        while data:
            data = data[os.write(list_fd, data) :]
        size = os.fstat(archive_fd).st_size
    return {"compression": source.compression, "count": len(found), "size": size}


def _decompress(source: Source, plain_fd: int) -> None:
    checked = 0
    while piece := memoryview(source.read()):
        while piece:
            piece = piece[os.write(plain_fd, piece) :]
        if source.unpacked - checked > _CHECK_EVERY:
            checked = source.unpacked
            status = os.fstatvfs(plain_fd)
            if status.f_bavail * status.f_frsize < FREE_FLOOR:
                raise Internal("cannot read the archive: no space left on device")


def members(fd: int) -> dict[str, list[int] | str]:
    """Return where the members of the plain archive `fd` are; raises BadArchive."""
    found: dict[str, list[int] | str] = {}
    reader = Reader(FileTape(fd))
    for entry in reader:
        name = _decoded(names.clean(entry.name))
        if entry.kind == kinds.REGULAR and entry.sparse is None:
            found[name] = [reader.content_offset, entry.stored]
        elif entry.kind in (kinds.SYMLINK, kinds.HARD_LINK):
            found[name] = _target(name, entry)
        if len(found) > MEMBERS_MAX:
            raise BadArchive("too many members in the archive")
    return found


def _target(name: str, entry: Entry) -> str:
    """Return the clean name that a link leads to, seen from the archive's root; raises BadArchive."""
    if entry.kind == kinds.HARD_LINK or entry.link.startswith(b"/"):
        return _decoded(names.clean(entry.link))
    folder = os.path.dirname(name).encode()
    return _decoded(names.clean(folder + b"/" + entry.link if folder else entry.link))


def _decoded(name: bytes) -> str:
    if len(name) > _NAME_MAX:
        raise BadArchive("file name too long")
    return name.decode("utf-8", "replace")


list_archive_job = job(list_archive)
