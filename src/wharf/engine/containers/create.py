"""`create`: a container comes to be, in one transaction."""

import asyncio
import os
import secrets
import sqlite3
import time
from collections.abc import Sequence

import msgspec

from wharf.engine.containers import admission, index, joined, links, places, working_dir
from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.engine.containers.limit_support import limit_support
from wharf.engine.containers.mounts import resolve
from wharf.engine.containers.mounts.point import MountPoint
from wharf.engine.containers.mounts.populate import populate
from wharf.engine.containers.record import Condition, Record
from wharf.engine.images.image import Image
from wharf.engine.logs.options import merge
from wharf.engine.names import propose
from wharf.errors import NotFound
from wharf.failpoint import failpoint
from wharf.registry.platform import Platform
from wharf.schema.container import ContainerConfig, ContainerCreateRequest
from wharf.schema.host_config import HostConfig
from wharf.volume.volume import Volume

RUNTIMES = ("runc", "io.containerd.runc.v2")
"""The names of our runtime; Docker's clients ask for these."""


def _new_id() -> str:
    """Return 64 random hex digits; the first twelve are not all decimal, which would look like a number."""
    while True:
        candidate = secrets.token_hex(32)
        if not candidate[:12].isdecimal():
            return candidate


def _config_of(request: ContainerCreateRequest) -> ContainerConfig:
    """Return the part of a request that is the container's own configuration."""
    return ContainerConfig(**{field: getattr(request, field) for field in ContainerConfig.__struct_fields__})


def _check_platform(image: Image, ref: str, asked: Platform) -> None:
    """Refuse an image that is not for the platform asked for."""
    if (image.file.os, image.file.architecture) != (asked.os, asked.architecture):
        raise NotFound(
            f"image with reference {ref} was found but its platform "
            f"({image.file.os}/{image.file.architecture}) does not match the specified platform ({asked})"
        )


async def create(
    context: Context, request: ContainerCreateRequest, *, name: str | None, platform: str | None
) -> tuple[Container, list[str]]:
    """Create a container and return it with the warnings for its creator."""
    config = _config_of(request)
    wanted_platform = Platform.parse(platform) if platform else None
    asked = request.host_config or HostConfig()
    asked = msgspec.structs.replace(asked, log_config=merge(asked.log_config, context.log_defaults))
    host, warnings = admission.check(config, asked, kernel=limit_support(), runtimes=RUNTIMES)
    wanted = admission.check_name(name) if name else None
    image = context.images.resolve(config.image) if config.image else None
    if image and wanted_platform:
        _check_platform(image, config.image, wanted_platform)
    container_id = _new_id()
    config, host, more = admission.admit(config, host, image, container_id, cgroup_mode=context.cgroup_mode)
    warnings += more
    host = joined.with_ids(context, host)
    if image and image.chain_id and config.working_dir.strip("/"):
        top = context.layers.folders.path
        layers = [f"{top}/{layer}" for layer in context.layers.image_view(image.chain_id)]
        await asyncio.to_thread(working_dir.check, layers, config.working_dir)
    endpoints = (
        {}
        if config.network_disabled or joined.donor_of(host.network_mode) is not None
        else places.settled(request.networking_config, host.network_mode, context.networks)
    )
    given = (
        wanted or propose(lambda proposed: context.index.holder_of(proposed) is not None) or container_id[:12]
    )
    words = admission.command(config)
    record = Record(
        id=container_id,
        name=given,
        created=time.time_ns(),
        image_id=str(image.id) if image else "",
        image_ref=config.image,
        config=config,
        host_config=host,
        endpoints=endpoints,
        path=words[0],
        args=words[1:],
        links=links.register(context, host),
    )
    for network, settings in endpoints.items():
        context.networks.check(network, places.request(record, network, settings, has_names=True))
    context.index.reserve(given, container_id)
    try:
        record = msgspec.structs.replace(record, mounts=await _mounts(context, record, image))
        container = Container(record, Condition())
        promised = context.volumes.promised(container_id)
        os.mkdir(context.paths.container(container_id), 0o710)
        failpoint("create.folder")
        await context.layers.prepare(
            container_id,
            image.chain_id if image else None,
            also=lambda connection: _put_on_record(context, connection, container, promised),
        )
        failpoint("create.recorded")
        context.volumes.keep(promised)
    except BaseException:
        context.index.give_back(given)
        if os.path.isdir(context.paths.container(container_id)):
            os.rmdir(context.paths.container(container_id))
        await context.volumes.abandon(container_id)
        raise
    context.index.add(container)
    context.emit(container, "create")
    if any(point.type == "image" for point in record.mounts):
        warnings.append("Image mount is an experimental feature")
    return container, warnings


async def _mounts(context: Context, record: Record, image: Image | None) -> list[MountPoint]:
    """Return the mount points of a container, with its volumes made and filled."""
    points = await resolve.resolve(context, record.id, record.config, record.host_config)
    await populate(
        context, image.chain_id if image else None, points, declared=set(record.config.volumes or ())
    )
    return points


def _put_on_record(
    context: Context, connection: sqlite3.Connection, container: Container, volumes: Sequence[Volume]
) -> None:
    """Put a container on record, with what it needs that nobody needed before."""
    record = container.record
    index.insert(connection, record, container.condition)
    context.volumes.put_in(connection, volumes)
    chains = [point.chain for point in record.mounts if point.chain]
    for holder, chain in zip(resolve.image_holders(record), chains, strict=True):
        context.layers.hold_in(connection, holder, chain)
