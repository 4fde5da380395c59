"""The filters of `ps`: read once, in Docker's order and words, then asked about each container."""

import re
from collections.abc import Callable

from wharf.engine.containers import health, inspect, links
from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.engine.containers.record import Status
from wharf.errors import EngineError, Internal, InvalidParameter
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
_STATES = ("created", "running", "paused", "restarting", "removing", "exited", "dead")
"""In the order Docker names them."""
_PORT_MAX = 65535

Test = Callable[[Container], bool]


class Chooser:
    """Tells whether a container passes every filter; raises in Docker's words for a filter that cannot be."""

    def __init__(self, context: Context, filters: Filters) -> None:
        filters.check(KEYS)
        self._context = context
        self._filters = filters
        self._tests: list[Test] = []
        self._read_states()
        self._read_places()
        self._read_ports()

    @property
    def reaches_stopped(self) -> bool:
        """Whether the question is about states, so that containers in any of them are looked at."""
        return "status" in self._filters

    def chooses(self, container: Container) -> bool:
        """Return whether a container passes; `isolation` is for another system, and passes always."""
        filters, record = self._filters, container.record
        return (
            filters.matches("id", record.id)
            and self._has_name(container)
            and filters.labels("label", record.config.labels)
            and all(test(container) for test in self._tests)
        )

    def _has_name(self, container: Container) -> bool:
        matches = self._filters.matches
        if matches("name", f"/{container.name}") or matches("name", container.name):
            return True
        return any(matches("name", f"/{name}") for name in links.names_of(self._context, container))

    def _read_states(self) -> None:
        filters = self._filters
        if codes := [_integer(value) for value in filters.get("exited")]:
            self._tests.append(lambda container: _has_exited(container) in codes)
        if wanted := [_status(value) for value in filters.get("status")]:
            self._tests.append(lambda container: container.visible_status in wanted)
        if filters.boolean("is-task", default=False):
            self._tests.append(lambda _container: False)
        if healths := filters.get("health"):
            for value in healths:
                health.check_status(value)
            self._tests.append(
                lambda container: any(health.matches(container.condition, value) for value in healths)
            )

    def _read_places(self) -> None:
        """Read where a container stands: in time, by image, by volumes and networks."""
        context, filters = self._context, self._filters
        if "before" in filters:
            before = [context.index.find(value).record.created for value in filters.get("before")][-1]
            self._tests.append(lambda container: container.record.created < before)
        if "since" in filters:
            since = [context.index.find(value).record.created for value in filters.get("since")][-1]
            self._tests.append(lambda container: container.record.created > since)
        if "ancestor" in filters:
            images = [image for value in filters.get("ancestor") if (image := self._image(value))]
            self._tests.append(lambda container: any(self._descends(container, image) for image in images))
        if volumes := filters.get("volume"):
            self._tests.append(lambda container: any(_mounts(container, value) for value in volumes))
        if networks := filters.get("network"):
            self._tests.append(
                lambda container: any(_in_network(context, container, value) for value in networks)
            )

    def _read_ports(self) -> None:
        """Read the filters of ports: one that is published or exposed is enough where both are asked for."""
        published = _ports("publish", self._filters.get("publish"))
        exposed = _ports("expose", self._filters.get("expose"))
        if not published and not exposed:
            return

        def test(container: Container) -> bool:
            shown = inspect.network_settings(self._context, container).ports or {}
            return any(
                key in exposed
                or any(f"{each.host_port}/{key.partition('/')[2]}" in published for each in bindings or ())
                for key, bindings in shown.items()
            )

        self._tests.append(test)

    def _image(self, value: str) -> str | None:
        try:
            return str(self._context.images.resolve(value).id)
        except EngineError:
            return None

    def _descends(self, container: Container, image_id: str) -> bool:
        own = container.record.image_id
        return own == image_id or self._context.images.descends(own, image_id)


def _has_exited(container: Container) -> int | None:
    """Return the exit code of a container that ran and does not run."""
    condition = container.condition
    is_over = condition.status in {Status.EXITED, Status.DEAD} and condition.started_at > 0
    return condition.exit_code if is_over else None


def _status(text: str) -> Status:
    if text not in _STATES:
        states = ", ".join(_STATES)
        raise InvalidParameter(
            f"invalid filter 'status={text}': invalid value for state ({text}): must be one of {states}"
        )
    return Status(text)


def _integer(text: str) -> int:
    if re.fullmatch(r"[+-]?[0-9]{1,18}", text) is None:
        raise InvalidParameter(
            f"invalid filter 'exited={text}': strconv.Atoi: parsing \"{text}\": invalid syntax"
        )
    return int(text)


def _ports(key: str, values: tuple[str, ...]) -> frozenset[str]:
    """Return the ports that `80`, `80/udp` and `80-90/tcp` name."""
    found: set[str] = set()
    for value in values:
        if ":" in value:
            raise Internal(f"filter for '{key}' should not contain ':': {value}")
        numbers, _, protocol = value.partition("/")
        first, dash, last = numbers.partition("-")
        try:
            low, high = _port(first), _port(last if dash else first)
            if high < low:
                raise ValueError(f"Invalid range specified for the Port: {numbers}")
        except ValueError as error:
            raise Internal(f"error while looking up for {key} {value}: {error}") from None
        found.update(f"{number}/{protocol or 'tcp'}" for number in range(low, high + 1))
    return frozenset(found)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f'strconv.ParseUint: parsing "{text}": invalid syntax')
    if len(text) > 5 or int(text) > _PORT_MAX:
        raise ValueError(f'strconv.ParseUint: parsing "{text}": value out of range')
    return int(text)


def _mounts(container: Container, value: str) -> bool:
    return any(
        value in (mount.name, mount.destination) or (not mount.name and value == mount.source)
        for mount in inspect.mount_points(container)
    )


def _in_network(context: Context, container: Container, value: str) -> bool:
    return any(
        name == value or (bool(settings.network_id) and settings.network_id.startswith(value))
        for name, settings in inspect.endpoint_settings(context, container).items()
    )
