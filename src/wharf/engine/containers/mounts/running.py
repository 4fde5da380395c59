"""What a container's mount points take on the host while it runs: sources made, volumes mounted, all told.

As little as can be is mounted on the host: binds, images and shares of a server are mounted by the
container's own init, and go with it. Only a volume that would be another file system at each mount is
mounted here.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from wharf.engine.containers.container import Container, Run
from wharf.engine.containers.context import Context
from wharf.engine.containers.mounts import tmpfs
from wharf.engine.containers.mounts.point import MountPoint
from wharf.engine.containers.mounts.wanted import check_source
from wharf.engine.containers.oci import mounts
from wharf.errors import Internal, InvalidParameter
from wharf.failpoint import failpoint
from wharf.linux.mountinfo import mount_of
from wharf.runtime.spec import Mount, RootMount
from wharf.volume import local
from wharf.volume.local import Local
from wharf.volume.population import resolved
from wharf.volume.volume import LOCAL


class Prepared(NamedTuple):
    """The mounts of a start, and the propagation that the root needs for them."""

    mounts: Sequence[Mount]
    propagation: str | None


async def prepare(context: Context, container: Container, run: Run) -> Prepared:
    """Do what the host has to do for a container's mounts; `run` knows what is to be undone."""
    made = []
    asked = set()
    record = container.record
    for point in record.mounts:
        made.append(await _prepare(context, container, run, point))
        asked.add(_propagation(point))
    failpoint("start.mounted")
    made += [
        mounts.tmpfs(destination, tmpfs.merged(options))
        for destination, options in record.host_config.tmpfs.items()
    ]
    return Prepared(made, mounts.root_propagation(asked))


def adopted(context: Context, container: Container, run: Run) -> None:
    """Take note of what a container that runs already has mounted."""
    for point in container.record.mounts:
        if point.type == "volume":
            run.volumes.append(point.name)
            if _is_shared(context, point.name):
                context.volumes.host_mounts.adopt(point.name, container.id)


def at_rest(context: Context, container: Container) -> list[Mount]:
    """Return what is mounted in a container that does not run, for those who look at its files.

    That is what lasts: binds, and volumes that are folders.
    """
    made = []
    for point in container.record.mounts:
        if point.type == "bind":
            made.append(_bind(point))
        elif point.type == "volume":
            options = local.read(context.volumes.find(point.name).options)
            place = context.volumes.mountpoint(point.name)
            if options is None:
                made.append(mounts.bound(point, place))
            elif options.is_bind:
                made.append(_bind_volume(point, place, options))
    return made


def give_back(context: Context, container: Container, run: Run) -> None:
    """Undo `prepare` once nothing of the container lives."""
    for name in run.volumes:
        context.volumes.host_mounts.release(name, container.id)
        _tell_unmounted(context, container, name)
    run.volumes.clear()


@contextlib.contextmanager
def told_of_copy(context: Context, container: Container) -> Iterator[None]:
    """Tell of the volumes what Docker tells, which mounts them for whoever copies files of a container."""
    points = [point for point in container.record.mounts if point.type == "volume"]
    for point in points:
        _tell_mounted(context, container, point)
    try:
        yield
    finally:
        for point in points:
            _tell_unmounted(context, container, point.name)


async def _prepare(context: Context, container: Container, run: Run, point: MountPoint) -> Mount:
    match point.type:
        case "bind":
            return _bind(point)
        case "tmpfs":
            return mounts.tmpfs(point.destination, tmpfs.merged(point.data))
        case "image":
            return _image(context, point)
        case "volume":
            pass
    made = await _volume(context, container, point)
    run.volumes.append(point.name)
    _tell_mounted(context, container, point)
    return made


def _tell_mounted(context: Context, container: Container, point: MountPoint) -> None:
    told = {
        "container": container.id,
        "destination": point.destination,
        "driver": LOCAL,
        "propagation": point.propagation,
        "read/write": "false" if point.readonly else "true",
    }
    context.events.emit("volume", "mount", point.name, told)


def _tell_unmounted(context: Context, container: Container, name: str) -> None:
    context.events.emit("volume", "unmount", name, {"container": container.id, "driver": LOCAL})


def _bind(point: MountPoint) -> Mount:
    try:
        check_source(point.source, makes_it=point.makes_source)
    except InvalidParameter as error:
        raise InvalidParameter(f'invalid mount config for type "bind": {error}') from None
    if not os.path.lexists(point.source):
        try:
            os.makedirs(point.source, 0o755, exist_ok=True)
        except OSError as error:
            words = (error.strerror or "").lower()
            raise Internal(
                f"error while creating mount source path '{point.source}': mkdir {error.filename}: {words}"
            ) from error
    propagation = _checked_propagation(point)
    return mounts.bound(msgspec.structs.replace(point, propagation=propagation), point.source)


def _checked_propagation(point: MountPoint) -> str:
    """Return how a bind propagates, where its source is mounted so that it can; raises Internal."""
    wanted = point.propagation.removeprefix("r")
    if wanted == "private" or not wanted:
        return point.propagation
    place, kinds = mount_of(point.source)
    if "shared" in kinds or (wanted == "slave" and "master" in kinds):
        return point.propagation
    if not point.chose_propagation:
        return "rprivate"
    what = "shared" if wanted == "shared" else "shared or slave"
    raise Internal(f"path {point.source} is mounted on {place} but it is not a {what} mount")


def _propagation(point: MountPoint) -> str:
    return point.propagation if point.type == "bind" else ""


def _image(context: Context, point: MountPoint) -> Mount:
    snapshots = context.layers.folders.path
    view = context.layers.image_view(point.chain)
    merged: RootMount = {
        "type": "overlay",
        "source": "overlay",
        "options": ["ro", f"lowerdir={':'.join(view)}"],
        "cwd": snapshots,
    }
    if len(view) == 1:  # overlayfs takes no single folder without an upper one
        merged = {"type": "bind", "source": f"{snapshots}/{view[0]}", "options": ["bind", "ro"]}
    mount = mounts.bound(point, point.source)
    mount["stage"] = {"mounts": [merged], "failure": f"error mounting image {point.name}"}
    return mount


async def _volume(context: Context, container: Container, point: MountPoint) -> Mount:
    volume = context.volumes.find(point.name)
    place = context.volumes.mountpoint(point.name)
    options = local.read(volume.options)
    if options is None:
        return mounts.bound(point, place)
    if options.is_bind:
        return _bind_volume(point, place, options)
    if options.is_shared:
        await context.volumes.mount(point.name, container.id, options)
        return mounts.bound(point, place)
    options = await resolved(options)
    mount = mounts.bound(point, place)
    mount["stage"] = {
        "mounts": [
            {
                "type": options.type,
                "source": options.device,
                "options": [*options.words, *options.data],
                "cwd": None,
            }
        ],
        "failure": options.failure(place),
    }
    return mount


def _bind_volume(point: MountPoint, place: str, options: Local) -> Mount:
    if not os.path.lexists(options.device):
        raise Internal(f"{options.failure(place)}: no such file or directory")
    words = [word for word in options.words if word not in {"bind", "rbind"}]
    return mounts.bound(point, options.device, options=words)


def _is_shared(context: Context, name: str) -> bool:
    options = local.read(context.volumes.find(name).options)
    return options is not None and options.is_shared
