"""The container's root: mounted in its own mount namespace, and entered by pivot_root(2).

Nothing of it is ever in the caller's mount table, so nothing can be left behind there.
"""

import os
from collections.abc import Sequence

from wharf.failpoint import failpoint
from wharf.linux import mount
from wharf.linux.mount import MountAttr, MountFlag
from wharf.linux.rooted import Root
from wharf.runtime.errors import Refused, cause
from wharf.runtime.spec import RootMount, Spec

_FLAGS = {
    "ro": MountFlag.RDONLY,
    "nosuid": MountFlag.NOSUID,
    "nodev": MountFlag.NODEV,
    "noexec": MountFlag.NOEXEC,
    "sync": MountFlag.SYNCHRONOUS,
    "dirsync": MountFlag.DIRSYNC,
    "mand": MountFlag.MANDLOCK,
    "noatime": MountFlag.NOATIME,
    "nodiratime": MountFlag.NODIRATIME,
    "strictatime": MountFlag.STRICTATIME,
    "relatime": MountFlag.RELATIME,
    "bind": MountFlag.BIND,
    "rbind": MountFlag.BIND | MountFlag.REC,
}


def separate() -> None:
    """Stop what happens in this mount namespace from reaching the caller's; the other way is left open.

    Host mounts made later still arrive below slave binds (mount_namespaces(7)), as Docker has it.
    """
    failpoint("runtime.root.separate")
    mount.mount("", "/", "none", MountFlag.SLAVE | MountFlag.REC)


def mount_root(spec: Spec, bundle: str, mounts: Sequence[RootMount]) -> Root:
    """Mount the root and return it: `mounts` on top of `bundle`, or without them the spec's root.path.

    Raises Refused.
    """
    failpoint("runtime.root.mount")
    for item in mounts:
        try:
            mount_one(item, bundle)
        except OSError as error:
            raise Refused(f'error mounting root "{item["type"]}" at "{bundle}": {cause(error)}') from error
    if mounts:
        return Root.at(bundle)
    path = os.path.join(bundle, spec.get("root", {"path": ""})["path"])
    try:
        # pivot_root needs a mount point: a copy of the tree is put on top of itself.
        with Root.at(path) as plain:
            tree = mount.clone_tree(plain.fd, recursive=True)
            try:
                mount.attach(tree, plain.fd)
            finally:
                os.close(tree)
        return Root.at(path)
    except OSError as error:
        raise Refused(f"error preparing rootfs: stat {path}: {cause(error)}") from error


def mount_one(item: RootMount, target: str) -> None:
    """Mount by mount(2): its options may fill a page, fsconfig(2) takes 255 bytes of each; raises OSError."""
    if place := item.get("cwd"):
        os.chdir(place)
    flags = 0
    data = []
    for option in item["options"]:
        if option in _FLAGS:
            flags |= _FLAGS[option]
        else:
            data.append(option)
    mount.mount(item["source"], target, item["type"], flags, ",".join(data))
    if flags & MountFlag.BIND and flags & MountFlag.RDONLY:
        mount.mount("", target, "none", MountFlag.BIND | MountFlag.REMOUNT | flags & ~MountFlag.REC)


def pivot(root: Root) -> None:
    """Make `root` this process's "/", and let go of everything else."""
    failpoint("runtime.root.pivot")
    old = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fchdir(root.fd)
        mount.pivot_root(".", ".")
        # The old root is now stacked on the new one. It is made a slave first, lest the unmount reach the
        # host through mounts that became shared meanwhile.
        os.fchdir(old)
        mount.mount("", ".", "none", MountFlag.SLAVE | MountFlag.REC)
        mount.umount2(".", mount.MNT_DETACH)
    finally:
        os.close(old)
    os.chdir("/")


_PROPAGATION = {
    "private": (MountFlag.PRIVATE, False),
    "rprivate": (MountFlag.PRIVATE, True),
    "slave": (MountFlag.SLAVE, False),
    "rslave": (MountFlag.SLAVE, True),
    "shared": (MountFlag.SHARED, False),
    "rshared": (MountFlag.SHARED, True),
    "unbindable": (MountFlag.UNBINDABLE, False),
    "runbindable": (MountFlag.UNBINDABLE, True),
}


def finish(spec: Spec, root: Root) -> None:
    """Apply root.readonly and rootfsPropagation, once nothing more is to be made in the root."""
    linux = spec.get("linux", {})
    wanted = linux.get("rootfsPropagation")
    if wanted and wanted not in ("private", "slave", "rslave"):
        if wanted not in _PROPAGATION:
            raise Refused(f"rootfsPropagation={wanted} is not supported")
        flag, recursive = _PROPAGATION[wanted]
        mount.mount_setattr(root.fd, propagation=flag, recursive=recursive)
    if spec.get("root", {"path": ""}).get("readonly"):
        failpoint("runtime.root.readonly")
        mount.mount_setattr(root.fd, add=MountAttr.RDONLY)
