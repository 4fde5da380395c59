"""Events: told to whoever listens now, and the last 256 kept for those who ask later."""

import asyncio
import collections
import time
from collections.abc import AsyncIterator, Mapping

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
    ) -> AsyncIterator[EventMessage]:
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
    """Return whether an event is what `filters` ask for: any value of a key, every key; labels all."""
    attributes = event.actor.attributes or {}
    return all(_passes_key(event, attributes, key, filters[key]) for key in filters)


def _passes_key(
    event: EventMessage, attributes: Mapping[str, str], key: str, values: "frozenset[str]"
) -> bool:
    if key == "label":
        return all(_has_label(attributes, value) for value in values)
    if key == "event":
        short = event.action.partition(":")[0]
        return event.action in values or short in values
    if key == "type":
        return event.type in values
    if key == "scope":
        return event.scope in values
    if key == "image":
        names = (
            {event.actor.id, attributes.get("name", "")}
            if event.type == "image"
            else {attributes.get("image", "")}
        )
        return bool(values & (names | {_without_tag(name) for name in names}))
    named = {event.actor.id, attributes.get("name", "")}
    if event.type == key:
        return any(value in named or event.actor.id.startswith(value) for value in values)
    return key == "container" and attributes.get("container", "") in values


def _without_tag(name: str) -> str:
    head, colon, tail = name.rpartition(":")
    return head if colon and "/" not in tail else name


def _has_label(attributes: Mapping[str, str], wanted: str) -> bool:
    key, has_value, value = wanted.partition("=")
    return key in attributes and (not has_value or attributes[key] == value)
