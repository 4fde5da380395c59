"""The root of a container as the container sees it, for a worker that touches its files.

Arguments of a job that takes a view: `mounts` (`destination`, `source`, `subpath`, `readonly`, outermost
first) and `lower` (folders of the container's layers, highest first; empty for one that runs), `upper` (the
number of its own layer, or null), `readonly` (of its root). The first descriptor: the mount namespace of a
container that runs, else the snapshots' folder.

Of a container that runs, the mounts are taken out of its own namespace: what it sees, tmpfs included. The
root of one that does not run is mounted here, in this job's own namespace: with its `upper` where something
is to be changed, else with a throw-away layer that mount points can be made in. What the kernel shows (/proc,
/sys, /dev) is never part of a view.
"""

import os
import stat
from collections.abc import Mapping
from typing import NamedTuple

from wharf.content import sandbox
from wharf.content.outcome import integer, strings
from wharf.content.sandbox import Submount
from wharf.linux import mount, rooted
from wharf.linux.clone import CloneFlag, setns, unshare
from wharf.linux.mount import MountAttr, MountFlag
from wharf.linux.rooted import Root

_STAND = "trash"
"""A folder of the snapshots that is always there, to mount on in this job's own namespace."""

_SCRATCH = "/proc"
"""Where the throw-away layer is mounted, in this job's own namespace, which needs nothing that is there."""

_SCRATCH_SIZE = "4m"
_BENEATH = rooted.RESOLVE_BENEATH | rooted.RESOLVE_NO_MAGICLINKS
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class ViewMount(NamedTuple):
    """One mount of a view."""

    destination: str
    source: str
    readonly: bool
    subpath: str
    """The part of the source that is meant; no link in it may lead out."""


def enter(args: Mapping[str, object], fd: int) -> Root:
    """Make the view that `args` describe the root of this process; raises OSError."""
    mounts = _mounts(args)
    if not strings(args, "lower"):
        return sandbox.enter_tree(*_of_running(mounts, fd))
    tree, submounts = _of_stopped(mounts, fd, args)
    return sandbox.enter_tree(tree, submounts, readonly=bool(args.get("readonly")))


def _mounts(args: Mapping[str, object]) -> list[ViewMount]:
    listed = args["mounts"]
    assert isinstance(listed, list)
    return [
        ViewMount(each["destination"], each["source"], each["readonly"], each.get("subpath", ""))
        for each in listed
    ]


def _of_running(mounts: list[ViewMount], namespace_fd: int) -> tuple[int, list[Submount]]:
    """Return copies of a running container's root and of what is mounted in it."""
    own = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    submounts = []
    setns(namespace_fd, CloneFlag.NEWNS)
    try:
        with Root.at("/") as root:
            tree = mount.clone_tree(root.fd, recursive=False)
            for each in mounts:
                try:
                    place = root.open(each.destination)
                except OSError:
                    continue  # the container has taken it away
                submounts.append(Submount(each.destination, mount.clone_tree(place, recursive=True)))
                os.close(place)
    finally:
        setns(own, CloneFlag.NEWNS)
        os.close(own)
    return tree, submounts


def _of_stopped(
    mounts: list[ViewMount], snapshots_fd: int, args: Mapping[str, object]
) -> tuple[int, list[Submount]]:
    """Mount a container's root, and return copies of that and of what will be mounted in it."""
    os.fchdir(snapshots_fd)
    unshare(CloneFlag.NEWNS)
    mount.mount("none", "/", "", MountFlag.REC | MountFlag.PRIVATE)
    submounts = [Submount(each.destination, _source(each)) for each in mounts]
    lower = strings(args, "lower")
    if args.get("upper") is None:
        upper, work = _scratch(lower[0])
    else:
        number = integer(args, "upper")
        upper, work = f"{number}/fs", f"{number}/work"
        lower.remove(upper)
    options = f"lowerdir={':'.join(lower)},upperdir={upper},workdir={work},index=off"
    mount.mount("overlay", _STAND, "overlay", 0, options)
    place = os.open(_STAND, _DIRECTORY)
    tree = mount.clone_tree(place, recursive=False)
    os.close(place)
    return tree, submounts


def _source(each: ViewMount) -> int:
    place = os.open(each.source, os.O_PATH | os.O_CLOEXEC)
    if each.subpath:
        whole, place = place, rooted.openat2(place, each.subpath, os.O_PATH, resolve=_BENEATH)
        os.close(whole)
    tree = mount.clone_tree(place, recursive=True)
    os.close(place)
    if each.readonly:
        mount.mount_setattr(tree, add=MountAttr.RDONLY)
    return tree


def _scratch(highest: str) -> tuple[str, str]:
    """Make a throw-away layer whose root looks like the root of the folder `highest`."""
    like = os.stat(highest)
    made = mount.new_filesystem("tmpfs", "tmpfs", [("mode", "700"), ("size", _SCRATCH_SIZE)])
    place = os.open(_SCRATCH, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    mount.attach(made, place)
    os.close(place)
    os.close(made)
    upper, work = f"{_SCRATCH}/upper", f"{_SCRATCH}/work"
    os.mkdir(upper)
    os.mkdir(work)
    os.chown(upper, like.st_uid, like.st_gid)
    os.chmod(upper, stat.S_IMODE(like.st_mode))
    os.utime(upper, ns=(like.st_atime_ns, like.st_mtime_ns))
    return upper, work
