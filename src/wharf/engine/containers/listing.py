"""`ps`: which containers, and one line about each."""

import time
from collections.abc import Sequence

from wharf.engine.containers import inspect, links, published
from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.engine.containers.list_filters import Chooser
from wharf.engine.containers.record import Status
from wharf.engine.containers.sizes import Sizes
from wharf.engine.containers.status_text import status_text
from wharf.errors import EngineError
from wharf.schema.container import ContainerSummary, SummaryHostConfig, SummaryNetworks
from wharf.schema.filters import Filters

_SECOND = 1_000_000_000


def choose(context: Context, *, everything: bool, limit: int, filters: Filters) -> list[Container]:
    """Return the containers asked for, newest first; those that do not run only where they are asked for."""
    chooser = Chooser(context, filters)
    reaches_stopped = everything or limit > 0 or chooser.reaches_stopped
    chosen = [
        container
        for container in context.index
        if (reaches_stopped or _is_up(container)) and chooser.chooses(container)
    ]
    return chosen[:limit] if limit > 0 else chosen


def _is_up(container: Container) -> bool:
    """Return whether a container runs, or will again by itself."""
    return container.is_alive or container.condition.status is Status.RESTARTING


def summaries(
    context: Context, containers: Sequence[Container], sizes: Sequence[Sizes] | None = None
) -> list[ContainerSummary]:
    """Return a line about each, with its size if they were measured."""
    now = time.time_ns()
    measured = sizes or [Sizes(0, 0)] * len(containers)
    return [_summary(context, each, now, size) for each, size in zip(containers, measured, strict=True)]


def _summary(context: Context, container: Container, now: int, sizes: Sizes) -> ContainerSummary:
    record = container.record
    return ContainerSummary(
        id=record.id,
        names=[f"/{name}" for name in (record.name, *links.names_of(context, container))],
        image=_image_name(context, container),
        image_id=record.image_id,
        command=" ".join([record.path, *(f"'{arg}'" if " " in arg else arg for arg in record.args)]),
        created=record.created // _SECOND,
        labels=dict(record.config.labels or {}),
        state=container.visible_status.value,
        status=status_text(container.condition, container.visible_status, now),
        host_config=SummaryHostConfig(network_mode=record.host_config.network_mode),
        ports=published.listed_ports(context, container),
        network_settings=SummaryNetworks(networks=inspect.endpoint_settings(context, container)),
        mounts=inspect.mount_points(container),
        size_rw=sizes.writable,
        size_root_fs=sizes.root,
    )


def _image_name(context: Context, container: Container) -> str:
    """Return the image as the user named it, or its id once that name means another image."""
    record = container.record
    if not record.image_ref:
        return ""
    try:
        is_same = context.images.resolve(record.image_ref).id == record.image_id
    except EngineError:
        is_same = False
    return record.image_ref if is_same else record.image_id
