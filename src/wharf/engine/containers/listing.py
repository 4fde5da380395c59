"""`ps`: which containers, and one line about each."""

import time
from collections.abc import Callable, Sequence

from wharf.engine.containers import health, inspect, published
from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.engine.containers.record import Status
from wharf.engine.containers.sizes import Sizes
from wharf.engine.containers.status_text import status_text
from wharf.errors import EngineError, InvalidParameter
from wharf.schema.container import ContainerSummary, SummaryHostConfig, SummaryNetworks
from wharf.schema.filters import Filters

KEYS = frozenset(
    [
        "ancestor",
        "before",
        "exited",
        "expose",
        "health",
        "id",
        "is-task",
        "isolation",
        "label",
        "name",
        "network",
        "publish",
        "since",
        "status",
        "volume",
    ]
)
_REACH_STOPPED = ("status", "exited", "before", "since")
_SECOND = 1_000_000_000


def choose(context: Context, *, everything: bool, limit: int, filters: Filters) -> list[Container]:
    """Return the containers asked for, newest first."""
    filters.check(KEYS)
    for value in filters.get("health"):
        health.check_status(value)
    containers = list(context.index)
    # Docker lists stopped containers too where the question can only be about them.
    if not everything and limit <= 0 and not any(key in filters for key in _REACH_STOPPED):
        containers = [container for container in containers if container.is_alive]
    chosen = [container for container in containers if matches(context, container, filters)]
    return chosen[:limit] if limit > 0 else chosen


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
        names=[f"/{record.name}"],
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


def matches(context: Context, container: Container, filters: Filters) -> bool:
    """Return whether a container passes every filter."""
    record, condition = container.record, container.condition
    if not (
        filters.matches("id", record.id)
        and (filters.matches("name", f"/{record.name}") or filters.matches("name", record.name))
        and filters.labels("label", record.config.labels)
        and filters.exact("isolation", "", "default")
        and not filters.boolean("is-task", default=False)
    ):
        return False
    tests: dict[str, Callable[[str], bool]] = {
        "status": lambda value: container.visible_status is _status(value),
        "exited": lambda value: condition.status is Status.EXITED and condition.exit_code == _integer(value),
        "ancestor": lambda value: _has_ancestor(context, container, value),
        "health": lambda value: health.matches(condition, value),
        "network": lambda value: _in_network(context, container, value),
        "volume": lambda value: any(
            value in (mount.name, mount.destination) or (not mount.name and value == mount.source)
            for mount in inspect.mount_points(container)
        ),
        "before": lambda value: record.created < context.index.find(value).record.created,
        "since": lambda value: record.created > context.index.find(value).record.created,
        "expose": lambda value: _port(value) in {_port(port) for port in record.config.exposed_ports},
        "publish": lambda _value: False,
    }
    return all(key not in filters or any(map(test, filters.get(key))) for key, test in tests.items())


_STATES = ("created", "running", "paused", "restarting", "removing", "exited", "dead")
"""In the order Docker names them."""


def _status(text: str) -> Status:
    try:
        return Status(text.lower())
    except ValueError:
        states = ", ".join(_STATES)
        raise InvalidParameter(
            f"invalid filter 'status={text}': invalid value for state ({text}): must be one of {states}"
        ) from None


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidParameter(
            f"invalid filter 'exited={text}': strconv.Atoi: parsing \"{text}\": invalid syntax"
        ) from None


def _port(text: str) -> str:
    return text if "/" in text else f"{text}/tcp"


def _has_ancestor(context: Context, container: Container, value: str) -> bool:
    try:
        wanted = context.images.resolve(value)
    except EngineError:
        return False
    record = container.record
    if record.image_id == wanted.id:
        return True
    return context.images.descends(record.image_id, wanted.id)


def _in_network(context: Context, container: Container, value: str) -> bool:
    return any(
        name == value or (bool(settings.network_id) and settings.network_id.startswith(value))
        for name, settings in inspect.endpoint_settings(context, container).items()
    )
