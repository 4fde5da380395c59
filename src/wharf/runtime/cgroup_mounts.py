"""What a container sees of its cgroups at /sys/fs/cgroup.

On v2 that is a cgroup2 file system. On v1 it is a small tmpfs with a directory per hierarchy: a bind of the
container's own cgroup, or with a cgroup namespace of its own a mount of the hierarchy. All of it is
read-only when the mount is; unlike runc's, so is the tmpfs.
"""

import os
from typing import NamedTuple

from wharf.linux import mount
from wharf.linux.cgroup.mounts import host_mounts
from wharf.linux.mount import MountAttr
from wharf.runtime.options import MountOptions

_BASE = MountAttr.NOSUID | MountAttr.NODEV | MountAttr.NOEXEC


class CgroupView(NamedTuple):
    """The hierarchies a container sees: mount points on the host by controller, and its own cgroup below."""

    controllers: dict[str, str]
    unified: str | None
    path: str
    private: bool
    is_v2: bool

    @classmethod
    def of(cls, path: str, *, private: bool) -> "CgroupView":
        """Return the view of the cgroup `path`; `private` says that it has its own cgroup namespace."""
        mounts = host_mounts()
        return cls(dict(mounts.controllers), mounts.unified, path, private, mounts.mode == "v2")


def mount_view(view: CgroupView, target: int, wanted: MountOptions) -> None:
    """Mount it at `target`, with the attributes of `wanted`; raises OSError."""
    if view.is_v2:
        _mount_unified(view, target, wanted)
    else:
        _mount_split(view, target, wanted)


def _mount_unified(view: CgroupView, target: int, wanted: MountOptions) -> None:
    """Mount the v2 tree; without a namespace of its own the container sees its cgroup only, by a bind."""
    if view.private:
        tree = mount.new_filesystem("cgroup2", "cgroup", [], wanted.add)
    else:
        tree = _bind(f"{view.unified}{view.path}", wanted.add)
    try:
        mount.attach(tree, target)
    finally:
        os.close(tree)


def _mount_split(view: CgroupView, target: int, wanted: MountOptions) -> None:
    by_point: dict[str, list[str]] = {}
    for controller, point in view.controllers.items():
        by_point.setdefault(point, []).append(controller)
    top = mount.new_filesystem("tmpfs", "tmpfs", [("mode", "755")], _BASE)
    try:
        mount.attach(top, target)
        for point, names in by_point.items():
            folder = os.path.basename(point)
            os.mkdir(folder, 0o755, dir_fd=top)
            tree = (
                mount.new_filesystem(
                    "cgroup",
                    "cgroup",
                    [(name, None) if "=" not in name else _named(name) for name in names],
                    wanted.add,
                )
                if view.private
                else _bind(point + view.path, wanted.add)
            )
            try:
                place = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=top)
                try:
                    mount.attach(tree, place)
                finally:
                    os.close(place)
            finally:
                os.close(tree)
            for name in names:
                if name != folder and "=" not in name:
                    os.symlink(folder, name, dir_fd=top)
        if wanted.readonly:
            mount.mount_setattr(top, add=MountAttr.RDONLY)
    finally:
        os.close(top)


def _named(controller: str) -> tuple[str, str]:
    """Return `name=systemd` as a parameter."""
    key, _, value = controller.partition("=")
    return key, value


def _bind(path: str, attributes: int) -> int:
    """Return a detached bind of a cgroup of the host."""
    source = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        tree = mount.clone_tree(source, recursive=False)
    finally:
        os.close(source)
    mount.mount_setattr(tree, add=attributes | _BASE)
    return tree
