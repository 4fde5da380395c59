"""The job `copy-in`: a tar, compressed or not, unpacked into a folder of a container.

Arguments: those of a view, `path` (absolute: the folder), `keep_kind` (no directory is replaced by something
else, nor the other way round), `owner` (Docker's `user[:group]`, which everything is given to; null: the
archive's numbers stand). Descriptors: the view's, and the file with the archive. Raises NotFound, and
InvalidParameter in Docker's words.

What a layer's unpacking promises (`extract.py`) is promised here, too: nothing is written outside of the
folder, whatever links the archive or the folder has; the folder is the root that absolute links are followed
from. Whiteouts mean nothing here.
"""

import errno
import os
import stat
from collections.abc import Callable, Mapping

from wharf.content import name as names
from wharf.content import view
from wharf.content.compression import NONE, BadCompression, Source
from wharf.content.copy_out import open_path
from wharf.content.extract import CHECK_EVERY, Extractor
from wharf.content.outcome import Tell, job
from wharf.content.tar import header as kinds
from wharf.content.tar.header import BadArchive
from wharf.content.tar.reader import Entry, Reader
from wharf.content.tar.tape import FileTape, Tape
from wharf.errors import EngineError, Internal, InvalidParameter, NotFound
from wharf.failpoint import failpoint
from wharf.linux import rooted
from wharf.linux.rooted import Root
from wharf.runtime.errors import Refused
from wharf.runtime.identity import resolve_user

_RDONLY = 1  # ST_RDONLY of statvfs(3)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


def copy_in(args: dict[str, object], fds: list[int], tell: Tell) -> Mapping[str, object]:
    """Do what the module says."""
    view_fd, archive_fd = fds
    path, keep_kind, owner = str(args["path"]), bool(args["keep_kind"]), args["owner"]
    with view.enter(args, view_fd) as root, Root(_target(root, path)) as target:
        is_own_disk = _is_on_root(root, path)
        _check_writable(target, is_own_disk=is_own_disk)
        account = None if owner is None else _account(root, str(owner))
        try:
            source = Source(archive_fd, is_hashed=False)
            tape = FileTape(archive_fd) if source.compression == NONE else Tape(source.read)
            copying = CopyTarget(
                target,
                tape,
                tick=lambda: tell({}),
                owner=account,
                keep_kind=keep_kind,
                place=path,
                free_floor=None if is_own_disk else 0,
            )
            failpoint("content.copy-in")
            copying.run()
        except BadCompression as error:
            raise InvalidParameter("unexpected EOF" if "EOF" in str(error) else str(error)) from error
        except BadArchive as error:
            if str(error).startswith("invalid tar header"):
                raise BadArchive("archive/tar: invalid tar header") from error
            raise
    return {"size": copying.size}


def _target(root: Root, path: str) -> int:
    fd = open_path(root, path, os.O_PATH)
    if not stat.S_ISDIR(os.fstat(fd).st_mode):
        raise InvalidParameter("extraction point is not a directory")
    return fd


def _is_on_root(root: Root, path: str) -> bool:
    """Whether the path leads through no mount, and so to the container's own layer."""
    resolve = rooted.RESOLVE_IN_ROOT | rooted.RESOLVE_NO_MAGICLINKS | rooted.RESOLVE_NO_XDEV
    try:
        os.close(rooted.openat2(root.fd, path, os.O_PATH, resolve=resolve))
    except OSError:
        return False
    return True


def _check_writable(target: Root, *, is_own_disk: bool) -> None:
    if os.fstatvfs(target.fd).f_flag & _RDONLY:
        raise InvalidParameter(
            "container rootfs is marked read-only" if is_own_disk else "mounted volume is marked read-only"
        )


def _account(root: Root, user: str) -> tuple[int, int]:
    try:
        account = resolve_user(root, user)
    except Refused as error:
        name = user.partition(":")[0]
        cause = str(error).rpartition(": ")[2]
        raise InvalidParameter(f'failed to look up user "{name}" in container: {cause}') from error
    return account.uid, account.gid


class CopyTarget(Extractor):
    """Makes the entries of an archive below `root`, as Docker's `cp` does."""

    def __init__(
        self,
        root: Root,
        tape: Tape,
        *,
        tick: Callable[[], None],
        owner: tuple[int, int] | None,
        keep_kind: bool,
        place: str,
        free_floor: int | None,
    ) -> None:
        """`place` is the folder's path, for messages; `owner` takes the place of the archive's ids."""
        super().__init__(root, Reader(tape), tick=tick, free_floor=free_floor)
        self._tape = tape
        self._owner = owner
        self._keep_kind = keep_kind
        self._shown_place = place

    def _make(self, entry: Entry) -> None:
        shown = names.shown(entry.name.rstrip(b"/"))
        try:
            path = names.clean(entry.name)
        except BadArchive as error:
            raise BadArchive(f'invalid entry name "{shown}"') from error
        if not path:
            return  # the folder itself stays as it is
        if self._owner is not None:
            entry.uid, entry.gid = self._owner
        head, _, base = path.rpartition(b"/")
        try:
            parent = self._place.directory(head)
            self._check_kind(parent, base, shown, is_directory=entry.kind == kinds.DIRECTORY)
            self._member(parent, path, base, entry)
        except RecursionError as error:
            raise BadArchive(f"openat {shown[:255]}: file name too long") from error
        except OSError as error:
            raise _explain(error, shown) from error

    def _fill(self, fd: int) -> None:
        if not isinstance(self._tape, FileTape):
            super()._fill(fd)
            return
        left = self._reader.take_content()
        while left:
            piece = min(left, CHECK_EVERY)
            self._tape.pour(piece, fd)
            self._count(piece)
            left -= piece

    def _check_kind(self, parent: int, base: bytes, shown: str, *, is_directory: bool) -> None:
        if not self._keep_kind:
            return
        try:
            was_directory = stat.S_ISDIR(os.stat(base, dir_fd=parent, follow_symlinks=False).st_mode)
        except FileNotFoundError:
            return
        if was_directory and not is_directory:
            raise BadArchive(f'cannot overwrite directory "{shown}" with non-directory "{self._shown_place}"')
        if is_directory and not was_directory:
            raise BadArchive(f'cannot overwrite non-directory "{shown}" with directory "{self._shown_place}"')

    def _hard_link(self, path: bytes, entry: Entry) -> None:
        try:
            names.clean(entry.link)
        except BadArchive as error:
            raise BadArchive(f'invalid hardlink target "{names.shown(entry.link)}"') from error
        super()._hard_link(path, entry)


def _explain(error: OSError, shown: str) -> EngineError:
    words = (error.strerror or str(error)).lower()
    if error.errno == errno.ENOENT:
        return NotFound(shown)
    if error.errno in _FULL:
        return Internal(f"write {shown}: {words}")
    return BadArchive(f"{'unlinkat' if error.errno == errno.EBUSY else 'openat'} {shown}: {words}")


copy_in_job = job(copy_in)
