"""The application: one table of all operations, and what happens around each request.

`make_app` is given the rooms behind the API and returns a server for `web.ServerRunner`.
"""

import re
from typing import Final, Protocol
from urllib.parse import quote, unquote

from aiohttp import web

from wharf.api import answers, contract, version
from wharf.api import container_files as files_router
from wharf.api import container_resources as resources_router
from wharf.api import container_streams as streams_router
from wharf.api import containers as containers_router
from wharf.api import exec_ as exec_router
from wharf.api import images as images_router
from wharf.api import networks as networks_router
from wharf.api import registries as registries_router
from wharf.api import system as system_router
from wharf.api import volumes as volumes_router
from wharf.api.call import Call
from wharf.api.errors import body_of, status_of, words_of
from wharf.api.router import Router
from wharf.api.routes import Handler
from wharf.errors import NotImplementedByEngine
from wharf.http.answer import Answer, Raw
from wharf.http.connection import Connection
from wharf.http.server import HEAD_TIMEOUT_S, IDLE_TIMEOUT_S, Server
from wharf.schema.version import API_VERSION

_NOT_FOUND: Final = body_of("page not found")
_VERSION_HEADERS: Final = (
    f"Api-Version: {API_VERSION}\r\nOstype: linux\r\nServer: {answers.SERVER}\r\n".encode("ascii")
)


class Containers(
    containers_router.ContainersBackend,
    resources_router.ContainerResourcesBackend,
    streams_router.ContainerStreamsBackend,
    networks_router.ConnectionsBackend,
    files_router.ContainerFilesBackend,
    Protocol,
):
    """What the engine's containers do for the API."""


def make_app(
    *,
    containers: Containers,
    execs: exec_router.ExecBackend,
    images: images_router.ImagesBackend,
    networks: networks_router.NetworksBackend,
    volumes: volumes_router.VolumesBackend,
    events: system_router.EventsBackend,
    system: system_router.SystemBackend,
    registries: registries_router.RegistriesBackend,
    head_timeout_s: float = HEAD_TIMEOUT_S,
    idle_timeout_s: float = IDLE_TIMEOUT_S,
) -> Server:
    """Return the server of the Engine API; call it with the loop running."""

    async def name_of(container_id: str) -> str:
        return (await containers.inspect(container_id, size=False)).name.removeprefix("/")

    router: Router[Handler] = Router()
    for operation in (*contract.OPERATIONS, *contract.UNPUBLISHED):
        router.add(*operation, _refusal(f"{' '.join(operation)} is not supported by this engine yet"))
    for operation in contract.EXPERIMENTAL:
        router.add(*operation, _refusal(contract.EXPERIMENTAL_ONLY))
    for table in (
        containers_router.routes(containers),
        resources_router.routes(containers),
        streams_router.routes(containers),
        files_router.routes(containers),
        exec_router.routes(execs),
        images_router.routes(images),
        volumes_router.routes(volumes),
        networks_router.routes(networks, containers, name_of),
        registries_router.routes(registries),
        system_router.routes(system, events),
    ):
        for operation, handler in table.items():
            router.add(*operation, handler)
    return Server(Dispatch(router), head_timeout_s=head_timeout_s, idle_timeout_s=idle_timeout_s)


def _refusal(words: str) -> Handler:
    async def refuse(_: Call) -> web.StreamResponse:
        raise NotImplementedByEngine(words)

    return refuse


class Dispatch:
    """Takes each request to its handler, and each error to its answer."""

    def __init__(self, router: Router[Handler]) -> None:
        self._router = router

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        response = await self._answer(request)
        connection = request.protocol
        if isinstance(connection, Connection) and not isinstance(response, Raw):
            connection.finish(body_is_read=request.content.is_eof())
        return response

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        if request.method == "OPTIONS":
            return answers.empty(200)
        try:
            path, asked = version.split(unquote(path) if "%" in path else path)
        except version.VersionTooOld as error:
            return _too_old(str(error))
        except Exception as error:
            return Answer(
                400, b"Content-Type: application/json\r\n" + _VERSION_HEADERS, body_of(words_of(error))
            )
        found = self._router.find(request.method, path)
        if found is None:
            return _moved(path) if "//" in path else answers.not_routed(_NOT_FOUND)
        try:
            return await found.handler(Call(request, found.name, asked, query))
        except Exception as error:
            transport = request.transport
            if isinstance(error, ConnectionError) and (transport is None or transport.is_closing()):
                return Raw()  # the client is gone
            if request.writer.output_size:
                words_of(error)
                return Raw()  # the head is sent: all that is left is to cut the answer short
            return answers.error(status_of(error), body_of(words_of(error)))


def _moved(path: str) -> Answer:
    """Send a client that doubled a slash to where it meant to go, as dockerd's router does."""
    place = quote(re.sub("/+", "/", path))
    return Answer(301, f"Location: {place}\r\n".encode("ascii"))


def _too_old(words: str) -> Answer:
    headers = b"Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n"
    return Answer(400, headers + _VERSION_HEADERS, f"{words}\n".encode())
