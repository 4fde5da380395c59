"""The router of exec instances."""

from typing import Protocol

import msgspec
from aiohttp import web

from wharf.api import answers
from wharf.api.call import Call
from wharf.api.container_streams import Attachment, join
from wharf.api.containers import terminal_size
from wharf.api.routes import Routes
from wharf.errors import InvalidParameter
from wharf.schema.exec_ import ExecConfig, ExecCreateResponse, ExecInspect, ExecStartConfig


class ExecBackend(Protocol):
    """What this router needs of the engine."""

    async def create(self, ref: str, config: ExecConfig) -> str:
        """Make an exec instance in a running container; return its id."""

    async def start(self, exec_id: str, config: ExecStartConfig) -> Attachment | None:
        """Start it and return None (detached), or check it and return what starts it on a connection."""

    async def inspect(self, exec_id: str) -> ExecInspect:
        """Return all about an exec instance."""

    async def resize(self, exec_id: str, *, height: int, width: int) -> None:
        """Tell its terminal its size."""


class _Execs:
    def __init__(self, backend: ExecBackend) -> None:
        self._backend = backend

    async def create(self, call: Call) -> web.StreamResponse:
        config = await call.json(ExecConfig, go_type="container.ExecOptions")
        if not config.cmd:
            raise InvalidParameter("No exec command specified")
        if call.version < 42 and config.console_size is not None:
            config = msgspec.structs.replace(config, console_size=None)
        return answers.json(ExecCreateResponse(id=await self._backend.create(call.name, config)), 201)

    async def start(self, call: Call) -> web.StreamResponse:
        config = await call.json(ExecStartConfig, go_type="container.ExecStartOptions")
        if config.console_size is not None and (call.version < 42 or not config.tty):
            config = msgspec.structs.replace(config, console_size=None)
        attachment = await self._backend.start(call.name, config)
        if attachment is None:
            return answers.empty(200)
        return await join(call, attachment, headers=answers.DAEMON_HEADERS)

    async def inspect(self, call: Call) -> web.StreamResponse:
        return answers.json(await self._backend.inspect(call.name))

    async def resize(self, call: Call) -> web.StreamResponse:
        height, width = terminal_size(call)
        await self._backend.resize(call.name, height=height, width=width)
        return answers.empty(200)


def routes(backend: ExecBackend) -> Routes:
    """Return the operations this router implements with `backend`."""
    execs = _Execs(backend)
    return {
        ("POST", "/containers/{id}/exec"): execs.create,
        ("POST", "/exec/{id}/start"): execs.start,
        ("GET", "/exec/{id}/json"): execs.inspect,
        ("POST", "/exec/{id}/resize"): execs.resize,
    }
