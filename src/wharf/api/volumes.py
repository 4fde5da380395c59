"""The router of volumes."""

from typing import Protocol

from aiohttp import web

from wharf.api import answers
from wharf.api.call import Call
from wharf.api.routes import Routes
from wharf.schema.filters import Filters
from wharf.schema.volume import Volume, VolumeCreateRequest, VolumeList, VolumesPruneReport


class VolumesBackend(Protocol):
    """What this router needs of the volumes' room."""

    async def create(self, request: VolumeCreateRequest) -> Volume:
        """Return the volume of that name, made if need be."""

    def list(self, filters: Filters) -> VolumeList:
        """Return the volumes that `filters` let pass."""

    def inspect(self, name: str) -> Volume:
        """Return all about a volume."""

    async def update(self, name: str) -> None:
        """Change a volume of a cluster."""

    async def remove(self, name: str, *, force: bool) -> None:
        """Remove a volume that no container was made with."""

    async def prune(self, filters: Filters, *, named_too: bool) -> VolumesPruneReport:
        """Remove unused volumes: anonymous ones, or all with `named_too` or the filter `all`."""


class _Volumes:
    def __init__(self, backend: VolumesBackend) -> None:
        self._backend = backend

    async def create(self, call: Call) -> web.StreamResponse:
        request = await call.json(VolumeCreateRequest, go_type="volume.CreateOptions")
        return answers.json(await self._backend.create(request), 201)

    async def list(self, call: Call) -> web.StreamResponse:
        return answers.json(self._backend.list(call.filters()))

    async def inspect(self, call: Call) -> web.StreamResponse:
        return answers.json(self._backend.inspect(call.name))

    async def update(self, call: Call) -> web.StreamResponse:
        await self._backend.update(call.name)
        return answers.empty(200)

    async def remove(self, call: Call) -> web.StreamResponse:
        await self._backend.remove(call.name, force=call.flag("force"))
        return answers.empty()

    async def prune(self, call: Call) -> web.StreamResponse:
        # Before 1.42 there was no filter `all`: every unused volume went.
        report = await self._backend.prune(call.filters(), named_too=call.version < 42)
        return answers.json(report)


def routes(backend: VolumesBackend) -> Routes:
    """Return the operations this router implements with `backend`."""
    volumes = _Volumes(backend)
    return {
        ("GET", "/volumes"): volumes.list,
        ("POST", "/volumes/create"): volumes.create,
        ("GET", "/volumes/{name}"): volumes.inspect,
        ("PUT", "/volumes/{name}"): volumes.update,
        ("DELETE", "/volumes/{name}"): volumes.remove,
        ("POST", "/volumes/prune"): volumes.prune,
    }
