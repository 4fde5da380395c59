"""What an image has where a volume is mounted goes into the volume, if that is empty.

The job `volume.copy-up` makes the copy; it sees the image through an overlay of its own mount namespace,
and walks there by openat2(2), so no link of the image leads out. The copy grows beside the data, as
`copying`, and is renamed to `copied` when it is complete and on disk; `settle` moves its entries from there.
A crash before the rename leaves the volume empty, one after it is made good at the next start. What is no
plain folder (a bind, a server's share) has no place beside its data: there the copy is made at its place.

Arguments: `lower` (the image's folders, highest first), `path` (where in the image), `looks_only`, `staged`,
`mount` (what to mount at `at` first: `device`, `type`, `flags`, `data`; or null). Descriptors: the folder of
snapshots; the volume's folder, or the directory itself when not `staged`. Result: `found` (nothing, file or
directory) and `copied`.
"""

import os

from wharf.content import sandbox
from wharf.content.copy import Copier, copy_attributes
from wharf.content.outcome import Job, Tell, integer, job, strings
from wharf.content.removal import remove_tree
from wharf.errors import Internal
from wharf.failpoint import failpoint
from wharf.linux import mount
from wharf.linux.clone import CloneFlag, unshare
from wharf.linux.mount import MountFlag
from wharf.linux.rooted import Root
from wharf.linux.syncfs import syncfs

NAME = "volume.copy-up"

DATA = "_data"
COPYING, _COPIED = "copying", "copied"
_STAND = "trash"
"""A folder of the snapshots that is always there, to mount on in this job's own namespace."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def _copy_up(args: dict[str, object], fds: list[int], tell: Tell) -> dict[str, object]:
    del tell  # nobody watches
    snapshots_fd, target_fd = fds
    own = args.get("mount")
    tree = None if isinstance(own, dict) else sandbox.detach(target_fd)
    os.fchdir(snapshots_fd)
    source = _find(strings(args, "lower"), str(args["path"]))
    if isinstance(source, str) or integer(args, "looks_only"):
        return {"found": source if isinstance(source, str) else "directory", "copied": False}
    if tree is None:
        assert isinstance(own, dict)
        tree = _mounted(own)
    with sandbox.enter_tree(tree, readable=[source]) as root:
        copied = _copy_staged(root, source) if integer(args, "staged") else _copy_in_place(root, source)
    return {"found": "directory", "copied": copied}


def _find(lower: list[str], path: str) -> int | str:
    """Return the directory `path` of the image, open, or what is there instead of one."""
    unshare(CloneFlag.NEWNS)
    mount.mount("none", "/", "", MountFlag.REC | MountFlag.PRIVATE)
    if len(lower) > 1:
        mount.mount("overlay", _STAND, "overlay", MountFlag.RDONLY, f"lowerdir={':'.join(lower)}")
    with Root.at(_STAND if len(lower) > 1 else lower[0]) as image:
        try:
            return image.open("/" + path.lstrip("/"), os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            return "nothing"
        except NotADirectoryError:
            return "file"


def _mounted(own: dict[str, object]) -> int:
    """Mount what a volume's options say, in this namespace only; return it detached."""
    at, flags = str(own["at"]), own["flags"]
    assert isinstance(flags, int)
    try:
        mount.mount(str(own["device"]), at, str(own["type"]), flags, str(own["data"]))
    except OSError as error:
        raise Internal(os.strerror(error.errno or 0).lower()) from error
    folder = os.open(at, _FOLDER)
    try:
        return sandbox.detach(folder)
    finally:
        os.close(folder)


def _copy_staged(root: Root, source: int) -> bool:
    data = root.open(DATA, _FOLDER)
    try:
        if os.listdir(data):
            return False
    finally:
        os.close(data)
    os.mkdir(COPYING, 0o700, dir_fd=root.fd)
    staging = root.open(COPYING, _FOLDER)
    try:
        Copier(source, staging).run()
        syncfs(staging)
    finally:
        os.close(staging)
    return True


def _copy_in_place(root: Root, source: int) -> bool:
    here = root.open(".", _FOLDER)
    try:
        if os.listdir(here):
            return False
        Copier(source, here).run()
        syncfs(here)
    finally:
        os.close(here)
    return True


def commit(folder: str) -> None:
    """Take a staged copy as complete, and move it to its place; raises OSError."""
    failpoint("volume.copy.made")
    os.rename(f"{folder}/{COPYING}", f"{folder}/{_COPIED}")
    _sync(folder)
    failpoint("volume.copy.committed")
    settle(folder)


def settle(folder: str) -> None:
    """Move a complete copy's entries into the data; what came to be there meanwhile stays; raises OSError."""
    try:
        copied = os.open(f"{folder}/{_COPIED}", _FOLDER)
    except FileNotFoundError:
        return
    try:
        data = os.open(f"{folder}/{DATA}", _FOLDER)
        try:
            status = os.fstat(copied)
            present = set(os.listdir(data))
            for name in os.listdir(copied):
                if name not in present:
                    os.rename(name, name, src_dir_fd=copied, dst_dir_fd=data)
            failpoint("volume.copy.moved")
            copy_attributes(copied, data, as_it_was=status)
            os.fsync(data)
        finally:
            os.close(data)
    finally:
        os.close(copied)
    remove_tree(f"{folder}/{_COPIED}")


def _sync(folder: str) -> None:
    fd = os.open(folder, _FOLDER)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


copy_up_job: Job = job(_copy_up)
