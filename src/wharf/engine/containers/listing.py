"""`ps`: which containers, and one line about each."""

import re
import time

from wharf.engine.containers import inspect
from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.engine.containers.record import Status
from wharf.engine.containers.status_text import status_text
from wharf.engine.errors import NoSuchContainer
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
_SECOND = 1_000_000_000


def listing(context: Context, *, everything: bool, limit: int, filters: Filters) -> list[ContainerSummary]:
    """Return the summaries of the containers asked for, newest first."""
    filters.check(KEYS)
    containers = list(context.index)
    # Docker lists stopped containers too where the question can only be about them.
    if not everything and limit <= 0 and not {"status", "exited", "before", "since"} & set(filters):
        containers = [container for container in containers if container.is_alive]
    chosen = [container for container in containers if matches(context, container, filters)]
    if limit > 0:
        chosen = chosen[:limit]
    now = time.time_ns()
    return [_summary(context, container, now) for container in chosen]


def _summary(context: Context, container: Container, now: int) -> ContainerSummary:
    record = container.record
    return ContainerSummary(
        id=record.id,
        names=[f"/{record.name}"],
        image=_image_name(context, container),
        image_id=record.image_id,
        command=" ".join([record.path, *record.args]),
        created=record.created // _SECOND,
        labels=dict(record.config.labels or {}),
        state=container.visible_status.value,
        status=status_text(container.condition, container.visible_status, now),
        host_config=SummaryHostConfig(network_mode=record.host_config.network_mode),
        network_settings=SummaryNetworks(networks=inspect.endpoint_settings(container)),
        mounts=inspect.mount_points(container),
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
    tests = {
        "id": lambda value: record.id.startswith(value) or re.search(value, record.id) is not None,
        "name": lambda value: _name_matches(value, record.name),
        "label": lambda value: label_matches(record.config.labels or {}, value),
        "status": lambda value: container.visible_status is _status(value),
        "exited": lambda value: condition.status is Status.EXITED and condition.exit_code == _integer(value),
        "ancestor": lambda value: _has_ancestor(context, container, value),
        "network": lambda value: _in_network(container, value),
        "volume": lambda value: (
            value
            in {mount.destination for mount in inspect.mount_points(container)}
            | {mount.source for mount in inspect.mount_points(container)}
        ),
        "before": lambda value: record.created < _reference(context, value).record.created,
        "since": lambda value: record.created > _reference(context, value).record.created,
        "health": lambda value: value == "none",
        "is-task": lambda value: value.lower() in {"false", "0"},
        "isolation": lambda value: value in {"", "default"},
        "expose": lambda value: _port(value) in {_port(port) for port in record.config.exposed_ports},
        "publish": lambda value: not value,
    }
    return all(
        (all if key == "label" else any)(test(value) for value in filters[key])
        for key, test in tests.items()
        if key in filters
    )


def label_matches(labels: dict[str, str], wanted: str) -> bool:
    """Return whether `key` is there, or `key=value` holds."""
    key, has_value, value = wanted.partition("=")
    return key in labels and (not has_value or labels[key] == value)


def _name_matches(pattern: str, name: str) -> bool:
    try:
        return re.search(pattern, f"/{name}") is not None or re.search(pattern, name) is not None
    except re.error:
        return False


def _status(text: str) -> Status:
    try:
        return Status(text.lower())
    except ValueError:
        raise InvalidParameter(f"invalid filter 'status={text}'") from None


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidParameter(f"invalid filter 'exited={text}'") from None


def _port(text: str) -> str:
    return text if "/" in text else f"{text}/tcp"


def _reference(context: Context, ref: str) -> Container:
    try:
        return context.index.find(ref)
    except NoSuchContainer as error:
        raise NoSuchContainer(error.ref) from None


def _has_ancestor(context: Context, container: Container, value: str) -> bool:
    try:
        wanted = context.images.resolve(value)
    except EngineError:
        return False
    record = container.record
    if record.image_id == wanted.id:
        return True
    return context.images.descends(record.image_id, wanted.id)


def _in_network(container: Container, value: str) -> bool:
    return any(
        name == value or (bool(settings.network_id) and settings.network_id.startswith(value))
        for name, settings in inspect.endpoint_settings(container).items()
    )
