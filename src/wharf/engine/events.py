"""Events: told to whoever listens now, and the last 256 kept for those who ask later."""

import asyncio
import collections
import time
from collections.abc import AsyncGenerator, Mapping

from wharf.schema.event import EventActor, EventMessage
from wharf.schema.filters import Filters

KEPT = 256
"""How many events `since` can reach back over (Docker's number)."""

KEYS = frozenset(
    [
        "config",
        "container",
        "daemon",
        "event",
        "image",
        "label",
        "network",
        "node",
        "plugin",
        "scope",
        "secret",
        "service",
        "type",
        "volume",
    ]
)
_ACTORS = ("config", "container", "daemon", "network", "node", "plugin", "secret", "service", "volume")
_OLD_FORM = {"container", "image"}
_END = None


class Events:
    """The engine's one source of events."""

    def __init__(self) -> None:
        self._kept: collections.deque[EventMessage] = collections.deque(maxlen=KEPT)
        self._listeners: set[asyncio.Queue[EventMessage | None]] = set()

    @property
    def listeners(self) -> int:
        """How many clients listen."""
        return len(self._listeners)

    def emit(self, type: str, action: str, actor_id: str, attributes: Mapping[str, str]) -> None:  # noqa: A002 - the API's word
        """Tell an event, now."""
        now = time.time_ns()
        old = type in _OLD_FORM
        event = EventMessage(
            status=action if old else "",
            id=actor_id if old else "",
            from_=attributes.get("image", "") if type == "container" else "",
            type=type,
            action=action,
            actor=EventActor(id=actor_id, attributes=dict(attributes)),
            scope="local",
            time=now // 1_000_000_000,
            time_nano=now,
        )
        self._kept.append(event)
        for listener in self._listeners:
            listener.put_nowait(event)

    async def subscribe(
        self, *, since: int | None, until: int | None, filters: Filters
    ) -> AsyncGenerator[EventMessage, None]:
        """Give kept events from `since` on, then new ones until `until` (both in wall-clock nanoseconds)."""
        filters.check(KEYS)
        queue: asyncio.Queue[EventMessage | None] = asyncio.Queue()
        self._listeners.add(queue)
        try:
            for event in list(self._kept) if since is not None else ():
                if event.time_nano >= (since or 0) and not _is_past(event, until) and passes(event, filters):
                    yield event
            while (new := await self._next(queue, until)) is not _END:
                if passes(new, filters):
                    yield new
        finally:
            self._listeners.discard(queue)

    async def _next(
        self, queue: "asyncio.Queue[EventMessage | None]", until: int | None
    ) -> EventMessage | None:
        if until is None:
            return await queue.get()
        try:
            async with asyncio.timeout((until - time.time_ns()) / 1_000_000_000):
                return await queue.get()
        except TimeoutError:
            return _END

    def close(self) -> None:
        """End every subscription: the engine stops."""
        for listener in self._listeners:
            listener.put_nowait(_END)


def _is_past(event: EventMessage, until: int | None) -> bool:
    return until is not None and event.time_nano > until


def passes(event: EventMessage, filters: Filters) -> bool:
    """Return whether an event is what `filters` ask for."""
    attributes = event.actor.attributes or {}
    name = attributes.get("name", "")
    return (
        filters.exact("type", event.type)
        and filters.exact("scope", event.scope)
        and filters.exact("event", event.action, event.action.partition(":")[0])
        and filters.labels("label", attributes)
        and _is_of_image(event, attributes, filters)
        and all(
            _is_about(event, key, (event.actor.id, name), attributes, filters)
            for key in _ACTORS
            if key in filters
        )
    )


def _is_of_image(event: EventMessage, attributes: Mapping[str, str], filters: Filters) -> bool:
    if event.type == "image":
        names = (event.actor.id, attributes.get("name", ""))
    else:
        names = (attributes.get("image", ""), "")
    return filters.exact("image", *names, *map(_without_tag, names)) or "image" not in filters


def _is_about(
    event: EventMessage, key: str, names: tuple[str, str], attributes: Mapping[str, str], filters: Filters
) -> bool:
    if event.type == key:
        return filters.exact(key, *names) or filters.prefix(key, event.actor.id)
    # The events of networks and volumes name the container they are about.
    return key == "container" and filters.exact(key, attributes.get("container", ""))


def _without_tag(name: str) -> str:
    head, colon, tail = name.rpartition(":")
    return head if colon and "/" not in tail else name
