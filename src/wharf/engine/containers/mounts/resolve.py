"""From what a request asks to the mount points of a new container; volumes come to be on the way.

In Docker's order, of which a later one replaces an earlier one at the same place: `--volumes-from`, then `-v`
and `--mount`, of which no two may name one place, then the image's `VOLUME` where nothing else is.
"""

import os
from collections.abc import Mapping

import msgspec

from wharf.engine.containers.context import Context
from wharf.engine.containers.mounts.binds import parse_bind, parse_volumes_from
from wharf.engine.containers.mounts.point import MountPoint, checked_destination
from wharf.engine.containers.mounts.wanted import parse_mount
from wharf.engine.containers.record import Record
from wharf.engine.errors import NoSuchContainer
from wharf.errors import InvalidParameter
from wharf.schema.container import ContainerConfig
from wharf.schema.host_config import HostConfig, Mount, VolumeOptions
from wharf.volume.volume import LOCAL

_DANGEROUS = (
    'must use either propagation mode "rslave" or "rshared" when mount source is within the daemon root'
)


def check(host: HostConfig) -> None:
    """Refuse what can be told to be wrong before anything is made."""
    for destination in host.tmpfs:
        checked_destination(destination)


async def resolve(
    context: Context, container_id: str, config: ContainerConfig, host: HostConfig
) -> list[MountPoint]:
    """Return the mount points of a container that is being created; it holds their volumes from now on."""
    points = {point.destination: point for point in await _taken_over(context, container_id, host)}
    asked: set[str] = set()
    for spec in host.binds or ():
        bind = _placed(context, parse_bind(spec))
        if bind.destination in asked or bind.destination in host.tmpfs:
            raise InvalidParameter(f"Duplicate mount point: {bind.destination}")
        asked.add(bind.destination)
        if bind.type == "volume":
            bind = await _volume(context, container_id, bind, driver=host.volume_driver)
        points[bind.destination] = bind
    for mount in host.mounts:
        point = _placed(context, parse_mount(mount))
        if point.destination in asked:
            raise InvalidParameter(f"Duplicate mount point: {mount.target}")
        asked.add(point.destination)
        points[point.destination] = await _of_mount(context, container_id, mount, point)
    for destination in config.volumes or ():
        if destination not in points and destination not in host.tmpfs:
            anonymous = MountPoint(type="volume", destination=destination, copies=True, is_anonymous=True)
            made = await _volume(context, container_id, anonymous, driver=host.volume_driver)
            points[destination] = msgspec.structs.replace(made, mode="")
    return list(points.values())


async def _taken_over(context: Context, container_id: str, host: HostConfig) -> list[MountPoint]:
    found = []
    for spec in host.volumes_from or ():
        wanted = parse_volumes_from(spec)
        try:
            donor = context.index.find(wanted.container).record
        except NoSuchContainer as error:
            raise InvalidParameter(str(error)) from error
        for point in donor.mounts:
            if point.type == "volume":
                await context.volumes.create(point.name, user=container_id)
            found.append(
                msgspec.structs.replace(
                    point, readonly=point.readonly or wanted.readonly, mode="", copies=False
                )
            )
    return found


async def _of_mount(context: Context, container_id: str, mount: Mount, point: MountPoint) -> MountPoint:
    if point.type == "image":
        image = context.images.resolve(point.name)
        chain = image.chain_id
        if chain is None:
            raise InvalidParameter(f"the image {point.name} has no content to mount")
        top = context.layers.image_view(chain)[0].removesuffix("/fs")
        source = f"{context.layers.folders.path}/{top}/merged"
        return msgspec.structs.replace(point, image_id=str(image.id), chain=chain, source=source)
    if point.type != "volume":
        return point
    options = mount.volume_options or VolumeOptions()
    driver = options.driver_config
    return await _volume(
        context,
        container_id,
        point,
        driver=driver.name if driver else "",
        options=driver.options if driver else None,
        labels=options.labels,
    )


async def _volume(
    context: Context,
    container_id: str,
    point: MountPoint,
    *,
    driver: str,
    options: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> MountPoint:
    volume = await context.volumes.create(
        point.name, driver=driver, options=options, labels=labels, user=container_id
    )
    return msgspec.structs.replace(
        point,
        name=volume.name,
        driver=LOCAL,
        source=context.volumes.mountpoint(volume.name),
        mode=point.mode or "z",  # Docker's word for a volume that was given none
    )


def _placed(context: Context, point: MountPoint) -> MountPoint:
    """Give a bind its propagation: one that holds the engine's own mounts must let go of them."""
    if point.type != "bind":
        return point
    root = context.paths.data_root
    if not (_is_below(point.source, root) or _is_below(root, point.source)):
        return msgspec.structs.replace(point, propagation=point.propagation or "rprivate")
    if point.propagation not in {"", "rslave", "rshared"}:
        raise InvalidParameter(
            f'invalid mount config: {_DANGEROUS}, daemon root: "{root}", bind mount source: '
            f'"{point.source}", propagation: "{point.propagation}"'
        )
    return msgspec.structs.replace(point, propagation=point.propagation or "rslave")


def _is_below(path: str, folder: str) -> bool:
    return os.path.commonpath((path, folder)) == folder


def image_holders(record: Record) -> list[str]:
    """Return the names under which a container holds the layers of the images that it mounts."""
    return [f"mount {record.id} {point.destination}" for point in record.mounts if point.chain]


def anonymous_volumes(record: Record) -> list[str]:
    """Return the volumes that go with a container where that is asked for."""
    return [point.name for point in record.mounts if point.is_anonymous]
