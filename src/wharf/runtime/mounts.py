"""The mounts of a spec, in order, each attached by descriptor inside the container's root.

A mount is finished (options, propagation, read-only) while it hangs nowhere, then attached at a target that
was found by `Root`: no race in the image can lead it elsewhere, and no one sees it half done. Over /proc
only a short list of files may be mounted, since programs (and this runtime) trust what is there.
"""

import errno
import os
import re
import stat
from collections.abc import Sequence
from contextlib import ExitStack
from typing import NamedTuple

from wharf.failpoint import failpoint
from wharf.linux import mount
from wharf.linux.clone import CloneFlag, setns
from wharf.linux.mount import MountAttr, MountFlag
from wharf.linux.rooted import RESOLVE_BENEATH, RESOLVE_NO_MAGICLINKS, Root, openat2
from wharf.runtime import cgroup_mounts, options, procfs, rootfs
from wharf.runtime.cgroup_mounts import CgroupView
from wharf.runtime.errors import Refused, cause, text_of
from wharf.runtime.options import MountOptions
from wharf.runtime.spec import Mount, Stage

_OF_A_PROCESS = re.compile(r"/proc/([0-9]+)/root(/.*)")


class Order(NamedTuple):
    """One mount, read; `tree` is its source, where that had to be cloned before the root was there.

    `subpath` and `stage` are of the extensions that `spec.py` describes.
    """

    destination: str
    type: str
    source: str
    options: MountOptions
    tree: int | None
    subpath: str = ""
    stage: Stage | None = None


def read(mounts: Sequence[Mount], bundle: str) -> list[Order]:
    """Return the mounts of a spec with their options read; raises ValueError."""
    orders = []
    for item in mounts:
        wanted = options.parse(item.get("options") or ())
        kind = item.get("type", "")
        if kind == "bind" and not wanted.bind:
            wanted = wanted._replace(bind=True)
        source = item.get("source", "")
        if wanted.bind:
            source = os.path.join(bundle, source)
        destination = os.path.normpath("/" + item["destination"].lstrip("/"))
        subpath = item.get("subpath", "")
        orders.append(Order(destination, kind, source, wanted, None, subpath, item.get("stage")))
    return orders


def clone_shared(orders: Sequence[Order]) -> list[Order]:
    """Clone the sources that stay shared with the host, before this mount namespace is made a slave."""
    return [
        order._replace(tree=_clone(order))
        if order.options.bind and any(c.flag == MountFlag.SHARED for c in order.options.propagation)
        else order
        for order in orders
    ]


def clone_hidden(orders: Sequence[Order], place: str) -> list[Order]:
    """Clone the sources that the root, mounted at `place`, will cover, and those that need a stage there."""
    return [
        order._replace(tree=_clone(order) if order.stage is None else _staged(order, order.stage, place))
        if order.options.bind
        and order.tree is None
        and (order.stage is not None or f"{order.source}/".startswith(f"{place}/"))
        else order
        for order in orders
    ]


def _staged(order: Order, stage: Stage, place: str) -> int:
    """Mount a stage at `place`, for as long as it takes to clone it."""
    failpoint("runtime.stage")
    mounted = 0
    try:
        try:
            for item in stage["mounts"]:
                rootfs.mount_one(item, place)
                mounted += 1
        except OSError as error:
            raise Refused(f"{stage['failure']}: {cause(error)}") from error
        return _clone_at(order, place)
    finally:
        for _ in range(mounted):
            mount.umount2(place, mount.MNT_DETACH)


class Mounter:
    """Mounts into one root; `finish` makes read-only what had to be written until then."""

    def __init__(self, root: Root, cgroups: CgroupView | None, stack: ExitStack) -> None:
        """Mount into `root`; `stack` closes what is open until `finish`."""
        self._root = root
        self._root_path = os.readlink(f"/proc/self/fd/{root.fd}")
        self._cgroups = cgroups
        self._stack = stack
        self._readonly_later: list[int] = []

    def mount(self, order: Order) -> None:
        """Mount one; raises Refused with runc's words."""
        failpoint("runtime.mount")
        try:
            if order.options.bind:
                self._bind(order)
            elif order.type == "cgroup" and self._cgroups is not None:
                self._cgroup(order)
            else:
                self._filesystem(order)
        except OSError as error:
            raise _refused(order, text_of(error)) from error

    def finish(self) -> None:
        """Make read-only what was asked to be."""
        for fd in self._readonly_later:
            mount.mount_setattr(fd, add=MountAttr.RDONLY)

    def _bind(self, order: Order) -> None:
        tree = _clone(order) if order.tree is None else order.tree
        try:
            _apply(tree, order.options)
            directory = stat.S_ISDIR(os.fstat(tree).st_mode)
            target, _ = self._target(order, directory=directory, tree=tree)
            try:
                if stat.S_ISDIR(os.fstat(target).st_mode) != directory:
                    # The kernel's own answer is EINVAL here, where mount(2) has this one.
                    error = NotADirectoryError(errno.ENOTDIR, "")
                    raise _refused(order, _call(order, target, error))
                self._attach(tree, target, order)
            finally:
                os.close(target)
        finally:
            os.close(tree)

    def _filesystem(self, order: Order) -> None:
        target, is_new = self._target(order, directory=True)
        try:
            later = order.options.readonly and (order.type == "tmpfs" or order.destination == "/dev")
            attributes = order.options.add & ~(MountAttr.RDONLY if later else 0)
            parameters = order.options.parameters
            if order.type == "tmpfs" and not is_new and not any(key == "mode" for key, _ in parameters):
                parameters = [("mode", f"{stat.S_IMODE(os.fstat(target).st_mode):o}"), *parameters]
            # A cgroup2 superblock is the host's own; only the mount may be read-only.
            readonly = order.options.readonly and not later and order.type != "cgroup2"
            try:
                tree = mount.new_filesystem(
                    order.type, order.source or order.type, parameters, attributes, readonly=readonly
                )
            except OSError as error:
                raise _refused(order, _call(order, target, error)) from error
            try:
                _propagate(tree, order.options)
                self._attach(tree, target, order)
            except BaseException:
                os.close(tree)
                raise
            if later:
                self._readonly_later.append(tree)
                self._stack.callback(os.close, tree)
            else:
                os.close(tree)
        finally:
            os.close(target)

    def _cgroup(self, order: Order) -> None:
        assert self._cgroups is not None
        target, _ = self._target(order, directory=True)
        try:
            cgroup_mounts.mount_view(self._cgroups, target, order.options)
        finally:
            os.close(target)

    def _attach(self, tree: int, target: int, order: Order) -> None:
        try:
            mount.attach(tree, target)
        except OSError as error:
            raise _refused(order, _call(order, target, error)) from error

    def _target(self, order: Order, *, directory: bool, tree: int | None = None) -> tuple[int, bool]:
        """Return where `order` goes, opened with O_PATH, and whether it had to be made."""
        path = order.destination
        if order.type in ("proc", "sysfs") and not order.options.bind:
            self._require_plain_directory(order)
        try:
            target, is_new = self._open_or_make(path, directory=directory)
        except OSError as error:
            make = f"mkdirat {self._root_path}{path}" if directory else f"openat {self._root_path}{path}"
            raise _refused(
                order, f'create mountpoint for {path} mount: make mountpoint "{path}": {make}: {cause(error)}'
            ) from error
        try:
            is_proc = order.type == "proc" if tree is None else procfs.is_root(tree)
            if problem := procfs.unsafe_target(target, self._root_path, is_procfs=is_proc):
                raise _refused(
                    order, f"create mountpoint for {path} mount: check proc-safety of {path} mount: {problem}"
                )
        except BaseException:
            os.close(target)
            raise
        return target, is_new

    def _open_or_make(self, path: str, *, directory: bool) -> tuple[int, bool]:
        try:
            return self._root.open(path), False
        except FileNotFoundError:
            failpoint("runtime.mountpoint")
        return self._root.make_directories(path) if directory else self._root.make_file(path, 0o755), True

    def _require_plain_directory(self, order: Order) -> None:
        """Refuse to mount proc and sysfs through a link in the image (CVE-2019-19921)."""
        try:
            mode = self._root.stat(order.destination, follow=False).st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISDIR(mode):
            raise _refused(order, f'filesystem "{order.type}" must be mounted on ordinary directory')


def _clone(order: Order) -> int:
    """Return a detached copy of a bind's source.

    A source `/proc/PID/root/…` is another container's: its path is resolved inside of that, links and all.
    """
    if found := _OF_A_PROCESS.fullmatch(order.source):
        try:
            return _clone_of_process(found[1], found[2], recursive=order.options.recursive)
        except OSError as error:
            raise _refused(order, f"open_tree {order.source}: {cause(error)}") from error
    if order.stage is not None:
        raise Refused(f"failed to fulfil mount request: no place to mount {order.source} at")
    return _clone_at(order, order.source)


def _clone_at(order: Order, path: str) -> int:
    try:
        source = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        raise Refused(f"failed to fulfil mount request: open {order.source}: {cause(error)}") from error
    try:
        if order.subpath:
            source = _part(order, source)
        return mount.clone_tree(source, recursive=order.options.recursive)
    except OSError as error:
        raise _refused(order, f"open_tree {order.source}: {cause(error)}") from error
    finally:
        os.close(source)


def _clone_of_process(pid: str, path: str, *, recursive: bool) -> int:
    """Clone what is mounted in the mount namespace of another process: open_tree(2) has to be in it."""
    with ExitStack() as stack:
        own = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        stack.callback(os.close, own)
        root = stack.enter_context(Root.at(f"/proc/{pid}/root"))
        source = root.open(path)
        stack.callback(os.close, source)
        other = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        stack.callback(os.close, other)
        setns(other, CloneFlag.NEWNS)
        stack.callback(setns, own, CloneFlag.NEWNS)
        return mount.clone_tree(source, recursive=recursive)


def _part(order: Order, source: int) -> int:
    """Return the part of a bind's source that is meant; closes `source`. In Docker's words, not runc's."""
    inside = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS
    try:
        part = openat2(source, order.subpath, os.O_PATH, resolve=inside)
    except OSError as error:
        if error.errno in (errno.EXDEV, errno.ELOOP):
            text = "path concatenation escapes the base directory"
            raise Refused(f"{text}, base: {order.source}, subpath: {order.subpath}") from error
        path = f"{order.source}/{order.subpath}"
        raise Refused(f"cannot access path {path}: lstat {path}: {cause(error)}") from error
    os.close(source)
    return part


def _apply(tree: int, wanted: MountOptions) -> None:
    """Give a detached bind its attributes and propagation."""
    if wanted.add or wanted.clear:
        mount.mount_setattr(tree, add=wanted.add, clear=wanted.clear)
    if wanted.add_recursively or wanted.clear_recursively:
        mount.mount_setattr(tree, add=wanted.add_recursively, clear=wanted.clear_recursively, recursive=True)
    _propagate(tree, wanted)


def _propagate(tree: int, wanted: MountOptions) -> None:
    for change in wanted.propagation:
        mount.mount_setattr(tree, propagation=change.flag, recursive=change.recursive)


def _call(order: Order, target: int, error: OSError) -> str:
    """Return the failed call in runc's words."""
    data = ",".join(key if value is None else f"{key}={value}" for key, value in order.options.parameters)
    return (
        f"mount src={order.source}, dst={order.destination}, dstFd=/proc/thread-self/fd/{target}, "
        f"flags={order.options.flag_names()}{', data=' + data if data else ''}: {cause(error)}"
    )


def _refused(order: Order, text: str) -> Refused:
    return Refused(f'error mounting "{order.source}" to rootfs at "{order.destination}": {text}')
