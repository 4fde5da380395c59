"""The router of the engine itself: ping, version, info, events."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final, Protocol, runtime_checkable

from aiohttp import web

from wharf.api import answers, shape
from wharf.api.call import Call, unix_time
from wharf.api.routes import Handler, Routes
from wharf.errors import InvalidParameter
from wharf.http.answer import Answer
from wharf.schema.event import EventMessage
from wharf.schema.filters import Filters
from wharf.schema.struct import encode
from wharf.schema.system import DiskUsage, Ping, SystemInfo, SystemVersion


class SystemBackend(Protocol):
    """What this router needs of the engine."""

    async def version(self) -> SystemVersion:
        """Return the answer to `docker version`."""

    async def info(self) -> SystemInfo:
        """Return the answer to `docker info`."""


@runtime_checkable
class PingBackend(Protocol):
    """An engine whose ping says more than that it is there."""

    def ping(self) -> Ping:
        """Return the builder to use and the part in a swarm."""


@runtime_checkable
class DiskUsageBackend(Protocol):
    """An engine that can count what it uses."""

    async def disk_usage(self, kinds: frozenset[str]) -> DiskUsage:
        """Return the use of these kinds: container, image, volume, build-cache; all where none is named."""


class EventsBackend(Protocol):
    """Where events come from."""

    def subscribe(
        self, *, since: int | None, until: int | None, filters: Filters
    ) -> AsyncIterator[EventMessage]:
        """Give kept events from `since` on, then new ones until `until`; nanoseconds since 1970."""


_PING_HEADERS: Final = (
    answers.DAEMON_HEADERS
    + b"Content-Type: text/plain; charset=utf-8\r\n"
    + b"Cache-Control: no-cache, no-store, must-revalidate\r\nPragma: no-cache\r\n"
)


class _System:
    def __init__(self, backend: SystemBackend, events: EventsBackend) -> None:
        self._backend = backend
        self._events = events

    async def ping(self, call: Call) -> web.StreamResponse:
        facts = self._backend.ping() if isinstance(self._backend, PingBackend) else Ping()
        own = f"Builder-Version: {facts.builder_version}\r\nSwarm: {facts.swarm}\r\n".encode("ascii")
        return Answer(200, _PING_HEADERS + own, b"" if call.http.method == "HEAD" else b"OK")

    async def version(self, _: Call) -> web.StreamResponse:
        return answers.json(await self._backend.version())

    async def info(self, call: Call) -> web.StreamResponse:
        return answers.json(shape.info(await self._backend.info(), call.version))

    async def events(self, call: Call) -> web.StreamResponse:
        since, until = unix_time(call.text("since")), unix_time(call.text("until"))
        if since is not None and until is not None and since > until:
            raise InvalidParameter(
                f"`since` time ({call.text('since')}) cannot be after `until` time ({call.text('until')})"
            )
        events = self._events.subscribe(since=since, until=until, filters=call.filters())
        call.end_with_client()
        first = asyncio.ensure_future(anext(events, None))
        try:
            # The subscription begins with the first step of the iterator. The client may count on it once
            # it has seen the head, so the step is taken before.
            await asyncio.sleep(0)
            if first.done():
                first.result()
            response = await answers.begin(call, "application/json")
            event = await first
            while event is not None:
                await response.write(encode(event) + b"\n")
                event = await anext(events, None)
            return response
        finally:
            first.cancel()


def routes(backend: SystemBackend, events: EventsBackend) -> Routes:
    """Return the operations this router implements."""
    system = _System(backend, events)
    table: dict[tuple[str, str], Handler] = {
        ("GET", "/_ping"): system.ping,
        ("HEAD", "/_ping"): system.ping,
        ("GET", "/version"): system.version,
        ("GET", "/info"): system.info,
        ("GET", "/events"): system.events,
    }
    if isinstance(backend, DiskUsageBackend):
        table["GET", "/system/df"] = _disk_usage(backend)
    return table


def _disk_usage(backend: DiskUsageBackend) -> Handler:
    async def disk_usage(call: Call) -> web.StreamResponse:
        kinds = frozenset(call.all_of("type"))
        for kind in kinds - {"container", "image", "volume", "build-cache"}:
            raise InvalidParameter(f"unknown object type: {kind}")
        return answers.json(shape.disk_usage(await backend.disk_usage(kinds), call.version))

    return disk_usage
