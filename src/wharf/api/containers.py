"""The router of containers: their life, and what is seen of them; `container_streams` has the rest."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from aiohttp import web

from wharf.api import answers, shape
from wharf.api.call import Call, uint
from wharf.api.create_request import read_create_request
from wharf.api.routes import Handler, Routes
from wharf.errors import InvalidParameter
from wharf.schema.container import (
    ContainerCreateRequest,
    ContainerCreateResponse,
    ContainerInspect,
    ContainersPruneReport,
    ContainerSummary,
)
from wharf.schema.filters import Filters


class ContainersBackend(Protocol):
    """What this router needs of the engine. `ref` is an id, a part of one, or a name."""

    async def create(
        self, request: ContainerCreateRequest, *, name: str | None, platform: str | None
    ) -> tuple[str, list[str]]:
        """Create a container; return its id and warnings."""

    async def list(self, *, all: bool, limit: int, size: bool, filters: Filters) -> list[ContainerSummary]:  # noqa: A002 - Docker's word
        """Return containers, newest first; running ones only, unless `all`, `limit` or a filter says more."""

    async def inspect(self, ref: str, *, size: bool) -> ContainerInspect:
        """Return all about a container, with its sizes when asked."""

    async def start(self, ref: str, *, detach_keys: str) -> None:
        """Start a container; NotModified where it runs."""

    async def stop(self, ref: str, *, signal: str | None, timeout: int | None) -> None:
        """Stop a container (`timeout` in seconds); NotModified where it does not run."""

    async def restart(self, ref: str, *, signal: str | None, timeout: int | None) -> None:
        """Stop a container if it runs, and start it."""

    async def kill(self, ref: str, *, signal: str) -> None:
        """Send a signal, by name or number."""

    async def remove(self, ref: str, *, volumes: bool, force: bool, link: bool) -> None:
        """Remove a container, or a link to it."""

    async def rename(self, ref: str, name: str) -> None:
        """Give a container another name."""

    async def pause(self, ref: str) -> None:
        """Freeze a container."""

    async def unpause(self, ref: str) -> None:
        """Let a frozen container go on."""

    async def resize(self, ref: str, *, height: int, width: int) -> None:
        """Tell a container's terminal its size."""


@runtime_checkable
class ContainersPruneBackend(Protocol):
    """An engine that can remove stopped containers."""

    async def prune(self, filters: Filters) -> ContainersPruneReport:
        """Remove the stopped containers that `filters` choose."""


class _Containers:
    def __init__(self, backend: ContainersBackend) -> None:
        self._backend = backend

    async def create(self, call: Call) -> web.StreamResponse:
        request, more = await read_create_request(call)
        name, platform = call.text("name"), call.text("platform")
        identifier, warnings = await self._backend.create(
            request,
            name=name.removeprefix("/") or None,
            platform=(platform or None) if call.version >= 41 else None,
        )
        return answers.json(ContainerCreateResponse(id=identifier, warnings=[*warnings, *more]), 201)

    async def list(self, call: Call) -> web.StreamResponse:
        containers: Sequence[ContainerSummary] = await self._backend.list(
            filters=call.filters(),
            all=call.flag("all"),
            limit=call.number("limit") or 0,
            size=call.flag("size"),
        )
        return answers.json(shape.container_list(containers, call.version))

    async def inspect(self, call: Call) -> web.StreamResponse:
        found = await self._backend.inspect(call.name, size=call.flag("size"))
        return answers.json(shape.container_inspect(found, call.version))

    async def start(self, call: Call) -> web.StreamResponse:
        length = call.http.content_length
        # Seven bytes are what old clients sent as an empty body: `null`, `{}` and white space.
        if (length is None and call.http.body_exists) or (length or 0) > 7:
            raise InvalidParameter(
                "starting container with non-empty request body was deprecated since API v1.22 "
                "and removed in v1.24"
            )
        await self._backend.start(call.name, detach_keys=call.text("detachKeys"))
        return answers.empty()

    async def stop(self, call: Call) -> web.StreamResponse:
        await self._backend.stop(call.name, signal=_signal(call), timeout=call.number("t"))
        return answers.empty()

    async def restart(self, call: Call) -> web.StreamResponse:
        await self._backend.restart(call.name, signal=_signal(call), timeout=call.number("t"))
        return answers.empty()

    async def kill(self, call: Call) -> web.StreamResponse:
        await self._backend.kill(call.name, signal=call.text("signal") or "SIGKILL")
        return answers.empty()

    async def remove(self, call: Call) -> web.StreamResponse:
        await self._backend.remove(
            call.name, volumes=call.flag("v"), force=call.flag("force"), link=call.flag("link")
        )
        return answers.empty()

    async def rename(self, call: Call) -> web.StreamResponse:
        await self._backend.rename(call.name, call.text("name"))
        return answers.empty()

    async def pause(self, call: Call) -> web.StreamResponse:
        await self._backend.pause(call.name)
        return answers.empty()

    async def unpause(self, call: Call) -> web.StreamResponse:
        await self._backend.unpause(call.name)
        return answers.empty()

    async def resize(self, call: Call) -> web.StreamResponse:
        height, width = terminal_size(call)
        await self._backend.resize(call.name, height=height, width=width)
        return answers.empty(200)


def _signal(call: Call) -> str | None:
    """Return the signal to stop with, which versions before 1.42 do not know."""
    return (call.text("signal") or None) if call.version >= 42 else None


def terminal_size(call: Call) -> tuple[int, int]:
    """Return (height, width) of a resize; raises InvalidParameter in dockerd's words."""
    return uint(call.text("h"), "resize height"), uint(call.text("w"), "resize width")


def routes(backend: ContainersBackend) -> Routes:
    """Return the operations this router implements with `backend`."""
    containers = _Containers(backend)
    table: dict[tuple[str, str], Handler] = {
        ("POST", "/containers/create"): containers.create,
        ("GET", "/containers/json"): containers.list,
        ("GET", "/containers/{id}/json"): containers.inspect,
        ("POST", "/containers/{id}/start"): containers.start,
        ("POST", "/containers/{id}/stop"): containers.stop,
        ("POST", "/containers/{id}/restart"): containers.restart,
        ("POST", "/containers/{id}/kill"): containers.kill,
        ("DELETE", "/containers/{id}"): containers.remove,
        ("POST", "/containers/{id}/rename"): containers.rename,
        ("POST", "/containers/{id}/pause"): containers.pause,
        ("POST", "/containers/{id}/unpause"): containers.unpause,
        ("POST", "/containers/{id}/resize"): containers.resize,
    }
    if isinstance(backend, ContainersPruneBackend):
        table["POST", "/containers/prune"] = _prune(backend)
    return table


def _prune(backend: ContainersPruneBackend) -> Handler:
    async def prune(call: Call) -> web.StreamResponse:
        return answers.json(await backend.prune(call.filters()))

    return prune
