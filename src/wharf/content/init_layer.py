"""The job `init_layer`: what Docker puts between an image and a container's own layer.

On the image's merged tree, seen through an overlay whose upper directory is the new layer: `/.dockerenv`,
`/etc/hosts`, `/etc/hostname`, `/etc/resolv.conf` and `/dev/console` become empty files, `/etc/mtab` a link to
/proc/mounts, and the places for mounts become directories. What the image has there goes, a link on the way
too; a directory stays as it is, with owner and mode. All containers of an image share one such layer.

Arguments: `lower` (overlay's lowerdir, relative to the snapshots' folder, or empty), `number` (of the new
layer). Descriptor: the snapshots' folder. Result: nothing; `<number>/fs` is complete and durable.
"""

import os

from wharf.content.outcome import Tell, integer, job, strings
from wharf.content.removal import remove_tree
from wharf.linux import mount
from wharf.linux.clone import CloneFlag, unshare
from wharf.linux.mount import MountFlag
from wharf.linux.syncfs import syncfs

_DIRECTORIES = ("dev/pts", "dev/shm", "proc", "sys")
_FILES = (".dockerenv", "etc/resolv.conf", "etc/hosts", "etc/hostname", "dev/console")
_LINKS = {"etc/mtab": "/proc/mounts"}
_MODE = 0o755
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def init_layer(args: dict[str, object], fds: list[int], tell: Tell) -> dict[str, object]:  # noqa: ARG001 - a job's shape
    """Do what the module says."""
    number = integer(args, "number")
    lower = ":".join(strings(args, "lower"))
    (snapshots_fd,) = fds
    os.umask(0)
    # Before unshare(2), which takes the working directory along: a descriptor's mount stays behind.
    os.fchdir(snapshots_fd)
    if lower:
        unshare(CloneFlag.NEWNS)
        mount.mount("none", "/", "", MountFlag.REC | MountFlag.PRIVATE)
        options = f"lowerdir={lower},upperdir={number}/fs,workdir={number}/work,index=off"
        mount.mount("overlay", f"{number}/work", "overlay", 0, options)
        populate(f"{number}/work")
        mount.umount2(f"{number}/work", 0)
    else:
        populate(f"{number}/fs")
    remove_tree(f"{number}/work")
    syncfs(snapshots_fd)
    return {}


def populate(path: str) -> None:
    """Make Docker's files in the tree at `path`; raises OSError."""
    root = os.open(path, _DIRECTORY)
    try:
        for name in (*_DIRECTORIES, *_FILES, *_LINKS):
            _make(root, name)
    finally:
        os.close(root)


def _make(root: int, path: str) -> None:
    *heads, base = path.split("/")
    parent = os.dup(root)
    try:
        for head in heads:
            parent = _step(parent, head)
        if not _clear(parent, base):
            return
        if path in _DIRECTORIES:
            os.mkdir(base, _MODE, dir_fd=parent)
        elif path in _LINKS:
            os.symlink(_LINKS[path], base, dir_fd=parent)
        else:
            os.close(os.open(base, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE, dir_fd=parent))
    finally:
        os.close(parent)


def _step(parent: int, name: str) -> int:
    """Return the directory `name` of `parent`, made if it is not one; closes `parent`."""
    try:
        if _clear(parent, name):
            os.mkdir(name, _MODE, dir_fd=parent)
        return os.open(name, _DIRECTORY, dir_fd=parent)
    finally:
        os.close(parent)


def _clear(parent: int, name: str) -> bool:
    """Remove `name` unless it is a directory; return whether its place is free."""
    try:
        os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        return True
    except IsADirectoryError:
        return False
    return True


init_layer_job = job(init_layer)
