"""`commit`: a container becomes an image, frozen for as long as its layer is packed."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from wharf.content.uninterrupted import uninterrupted
from wharf.engine.containers import stop
from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.engine.containers.record import Status
from wharf.engine.images import changes as instructions
from wharf.engine.images.committing import Snapshot
from wharf.engine.images.errors import NoSuchImage
from wharf.engine.images.image import Image
from wharf.engine.images.images import target_name, unambiguous
from wharf.errors import Conflict, EngineError
from wharf.failpoint import failpoint
from wharf.schema.container import ContainerConfig
from wharf.schema.health import HealthConfig


class CommitRequest(NamedTuple):
    """What a client asks for; without a `config` the container's is taken."""

    config: ContainerConfig | None = None
    changes: Sequence[str] = ()
    repository: str = ""
    tag: str = ""
    author: str = ""
    comment: str = ""
    pause: bool = True


async def commit(context: Context, container: Container, request: CommitRequest) -> str:
    """Make an image of a container; return its id; raises Conflict, InvalidParameter kinds."""
    if container.condition.status is Status.DEAD:
        raise Conflict(f"You cannot commit container {container.id} which is Dead")
    if container.is_being_removed:
        raise Conflict(f"You cannot commit container {container.id} which is being removed")
    name = unambiguous(target_name(request.repository, request.tag))
    own = container.record.config
    wanted = _changed(request.config or own, request.changes)
    snapshot = Snapshot(
        container=container.id,
        parent=_parent(context, container),
        config=_document(merged(wanted, own)),
        container_config=_document(own),
        created_by=" ".join(own.cmd or ()),
        author=request.author,
        comment=request.comment,
    )
    async with _frozen(context, container, wanted=request.pause):
        image = await context.images.commit(snapshot, name=name)
        told = {"comment": request.comment, "imageID": image.id, "imageRef": name.familiar if name else ""}
        context.emit(container, "commit", told)
    return image.id


def _document(config: ContainerConfig) -> Mapping[str, object]:
    document: dict[str, object] = msgspec.to_builtins(config)
    return document


def _changed(config: ContainerConfig, changes: Sequence[str]) -> ContainerConfig:
    if not changes:
        return config
    return msgspec.convert(instructions.apply(_document(config), changes), ContainerConfig)


def _parent(context: Context, container: Container) -> Image | None:
    if not container.record.image_id:
        return None
    try:
        return context.images.resolve(container.record.image_id)
    except NoSuchImage:
        return None  # removed by force; the layers are still here


def merged(wanted: ContainerConfig, own: ContainerConfig) -> ContainerConfig:
    """Fill what `wanted` leaves open from the container's config, as Docker merges them."""
    named = {entry.partition("=")[0] for entry in wanted.env or ()}
    others = [entry for entry in own.env or () if entry.partition("=")[0] not in named]
    filled: dict[str, object] = {
        "user": wanted.user or own.user,
        "exposed_ports": {**own.exposed_ports, **wanted.exposed_ports},
        "env": [*wanted.env, *others] if wanted.env else own.env,
        "labels": {**(own.labels or {}), **(wanted.labels or {})},
        "working_dir": wanted.working_dir or own.working_dir,
        "volumes": {**(wanted.volumes or {}), **(own.volumes or {})} or None,
        "stop_signal": wanted.stop_signal or own.stop_signal,
        "healthcheck": _health(wanted.healthcheck, own.healthcheck),
    }
    if not wanted.entrypoint:
        if not wanted.cmd:
            filled["cmd"] = own.cmd
        if wanted.entrypoint is None:
            filled["entrypoint"] = own.entrypoint
    return msgspec.structs.replace(wanted, **filled)


def _health(wanted: HealthConfig | None, own: HealthConfig | None) -> HealthConfig | None:
    if wanted is None or own is None:
        return wanted or own
    values = {
        field: getattr(wanted, field) or getattr(own, field) for field in HealthConfig.__struct_fields__
    }
    return HealthConfig(**values)


@contextlib.asynccontextmanager
async def _frozen(context: Context, container: Container, *, wanted: bool) -> AsyncIterator[None]:
    """Keep a running container's processes from changing files meanwhile; several commits share one pause."""
    holds = wanted and await _freeze(context, container)
    try:
        yield
    finally:
        if holds:
            await uninterrupted(_thaw(context, container))


async def _freeze(context: Context, container: Container) -> bool:
    """Pause a container unless that is done; return whether this commit holds it paused."""
    async with container.freezing:
        if not container.freezes:
            if container.condition.status is not Status.RUNNING:
                return False
            try:
                await uninterrupted(stop.pause(context, container, briefly=True))
            except EngineError:
                return False  # it ended, or somebody else paused it
            failpoint("commit.frozen")
        container.freezes += 1
        return True


async def _thaw(context: Context, container: Container) -> None:
    async with container.freezing:
        container.freezes -= 1
        if not container.freezes and container.condition.is_frozen_briefly:
            with contextlib.suppress(EngineError):  # it ended, or somebody else let it go on
                await stop.unpause(context, container)
