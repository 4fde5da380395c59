"""The router of what a container uses and may use: stats, top, update."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec
from aiohttp import web

from wharf.api import answers
from wharf.api.call import Call
from wharf.api.routes import Routes
from wharf.schema.container import ContainerTop, UpdateRequest, UpdateResponse
from wharf.schema.stats import ContainerStats
from wharf.schema.struct import encode


class ContainerResourcesBackend(Protocol):
    """What this router needs of the engine."""

    async def stats(self, ref: str, *, stream: bool, one_shot: bool) -> AsyncIterator[ContainerStats]:
        """Check, and return one look at what a container uses, or one every second."""

    async def top(self, ref: str, ps_args: str) -> ContainerTop:
        """Return what ps(1) says with these arguments."""

    async def update(self, ref: str, request: UpdateRequest) -> Sequence[str]:
        """Change limits and restart policy; return warnings."""


class _Resources:
    def __init__(self, backend: ContainerResourcesBackend) -> None:
        self._backend = backend

    async def stats(self, call: Call) -> web.StreamResponse:
        stream = call.flag("stream", default=True)
        one_shot = call.version >= 41 and call.flag("one-shot")
        looks = await self._backend.stats(call.name, stream=stream, one_shot=one_shot)
        call.end_with_client()
        if not stream:
            return answers.json(await anext(looks))
        response = await answers.begin(call, "application/json")
        async for look in looks:
            await response.write(encode(look) + b"\n")
        return response

    async def top(self, call: Call) -> web.StreamResponse:
        return answers.json(await self._backend.top(call.name, call.text("ps_args")))

    async def update(self, call: Call) -> web.StreamResponse:
        request = await call.json(UpdateRequest, go_type="UpdateConfig")
        warnings = await self._backend.update(call.name, _as_meant(request, call.version))
        return answers.json(UpdateResponse(warnings=list(warnings) or None))


def _as_meant(request: UpdateRequest, version: int) -> UpdateRequest:
    """Drop what a version does not know yet, or no longer; any number of processes below one is no limit."""
    pids_limit = request.pids_limit if version >= 40 else None
    return msgspec.structs.replace(
        request,
        pids_limit=pids_limit if pids_limit is None else max(pids_limit, 0),
        kernel_memory=request.kernel_memory if version < 42 else 0,
    )


def routes(backend: ContainerResourcesBackend) -> Routes:
    """Return the operations this router implements with `backend`."""
    resources = _Resources(backend)
    return {
        ("GET", "/containers/{id}/stats"): resources.stats,
        ("GET", "/containers/{id}/top"): resources.top,
        ("POST", "/containers/{id}/update"): resources.update,
    }
