"""An API in front of a fake engine, on a unix socket of its own, and a client that sees raw bytes."""

import asyncio
import contextlib
import errno
import json
import os
import socket
import tempfile
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

from wharf.api.app import make_app
from wharf.errors import Conflict, InvalidParameter, NotFound, NotModified, Unavailable
from wharf.network.endpoint import Endpoint
from wharf.network.network import IpamConfig, Network
from wharf.schema.container import (
    ContainerConfig,
    ContainerCreateRequest,
    ContainerInspect,
    ContainersPruneReport,
    ContainerState,
    ContainerSummary,
    ContainerTop,
    FilesystemChange,
    PathStat,
    UpdateRequest,
    WaitResponse,
)
from wharf.schema.event import EventActor, EventMessage
from wharf.schema.exec_ import ExecConfig, ExecInspect, ExecStartConfig
from wharf.schema.filters import Filters
from wharf.schema.host_config import HostConfig
from wharf.schema.image import HistoryItem, ImageDeleteItem, ImageInspect, ImageSummary, Progress
from wharf.schema.network import EndpointSettings, NetworkCreateRequest
from wharf.schema.oci import Descriptor
from wharf.schema.registry import AuthConfig, AuthResponse, DistributionInspect, SearchResult
from wharf.schema.stats import ContainerStats
from wharf.schema.stream import AttachOptions, LogOptions
from wharf.schema.system import SystemInfo, SystemVersion
from wharf.schema.volume import Volume, VolumeCreateRequest, VolumeList, VolumesPruneReport

LIMIT_S = 5.0


class FakeAttachment:
    """Echoes what the client sends, framed by nothing, and says goodbye after its half-close."""

    def __init__(self, *, is_tty: bool) -> None:
        self.is_tty = is_tty
        self.leftover = b""

    async def connect(self, sock: socket.socket, leftover: bytes) -> None:
        self.leftover = leftover
        loop = asyncio.get_running_loop()
        with sock:
            await loop.sock_sendall(sock, b"got:" + leftover)
            while data := await loop.sock_recv(sock, 4096):
                await loop.sock_sendall(sock, data)
            await loop.sock_sendall(sock, b"late output")


class FakeLog:
    def __init__(self, pieces: Sequence[bytes | Exception], *, is_tty: bool) -> None:
        self._pieces = pieces
        self.is_tty = is_tty

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._run()

    async def _run(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece


class FakeCopied(NamedTuple):
    stat: PathStat
    pieces: AsyncGenerator[bytes, None]


class FakeFiles:
    """The files of one container, `c1`: its tar comes from `tar`, its changes from `changed`."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.is_closed = asyncio.Event()
        self.tar: Sequence[bytes | Exception] = (b"", b"ta", b"r")
        self.changed: list[FilesystemChange] | None = None
        self.uploaded = b""

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        try:
            for piece in self.tar:
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            self.is_closed.set()

    def _known(self, ref: str) -> None:
        if ref != "c1":
            raise NotFound(f"No such container: {ref}")

    async def changes(self, ref: str) -> "list[FilesystemChange] | None":
        self._known(ref)
        return self.changed

    async def export(self, ref: str) -> AsyncGenerator[bytes, None]:
        self._known(ref)
        return self._pieces()

    async def stat_path(self, ref: str, path: str) -> PathStat:
        self._known(ref)
        self.asked.append(("stat_path", path))
        return PathStat(name="n", size=3, mode=0o644, mtime="2026-01-02T03:04:05Z")

    async def copy_out(self, ref: str, path: str) -> FakeCopied:
        return FakeCopied(await self.stat_path(ref, path), self._pieces())

    async def copy_in(
        self, ref: str, path: str, stream: AsyncIterable[bytes], *, keep_kind: bool, copy_owner: bool
    ) -> None:
        self._known(ref)
        self.asked.append(("copy_in", (path, keep_kind, copy_owner)))
        self.uploaded = b"".join([piece async for piece in stream])

    async def commit(self, ref: str, **asked: Any) -> str:
        self._known(ref)
        self.asked.append(("commit", asked))
        return "sha256:" + "1" * 64


class FakeContainers(FakeFiles):
    """Knows one container, `c1`; remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.created: ContainerCreateRequest | None = None
        self.attachment = FakeAttachment(is_tty=False)
        self.exit: asyncio.Future[WaitResponse] = asyncio.get_running_loop().create_future()
        self.waiters_cancelled = asyncio.Event()
        self.log: Sequence[bytes | Exception] = (b"\x01\0\0\0\0\0\0\x03hi\n",)
        self.gate = asyncio.Event()
        self.gate.set()
        self.started = asyncio.Event()
        self.inspected = ContainerInspect(
            id="1" * 64, name="/c1", state=ContainerState(status="running"), config=ContainerConfig(),
            host_config=HostConfig(),
        )  # fmt: skip

    def _find(self, ref: str) -> None:
        if ref not in {"c1", "1" * 64}:
            raise NotFound(f"No such container: {ref}")

    async def create(
        self, request: ContainerCreateRequest, *, name: str | None, platform: str | None
    ) -> tuple[str, list[str]]:
        self.created = request
        self.asked.append(("create", (name, platform)))
        return "1" * 64, []

    async def list(self, *, all: bool, limit: int, size: bool, filters: Filters) -> list[ContainerSummary]:  # noqa: A002 - Docker's word
        self.asked.append(("list", (all, limit, size, filters)))
        return [ContainerSummary(id="1" * 64, names=["/c1"])]

    async def inspect(self, ref: str, *, size: bool) -> ContainerInspect:
        self._find(ref)
        self.asked.append(("inspect", size))
        return self.inspected

    async def start(self, ref: str, *, detach_keys: str) -> None:
        self._find(ref)
        self.started.set()
        await self.gate.wait()
        self.asked.append(("start", detach_keys))

    async def stop(self, ref: str, *, signal: str | None, timeout: int | None) -> None:
        self._find(ref)
        self.asked.append(("stop", (signal, timeout)))
        raise NotModified("it does not run")

    async def restart(self, ref: str, *, signal: str | None, timeout: int | None) -> None:
        self._find(ref)
        self.asked.append(("restart", (signal, timeout)))

    async def kill(self, ref: str, *, signal: str) -> None:
        self._find(ref)
        self.asked.append(("kill", signal))

    async def stats(self, ref: str, *, stream: bool, one_shot: bool) -> AsyncIterator[ContainerStats]:
        self._find(ref)
        self.asked.append(("stats", (stream, one_shot)))
        if stream and one_shot:
            raise InvalidParameter("cannot have stream=true and one-shot=true")

        async def looks() -> AsyncIterator[ContainerStats]:
            for number in (1, 2) if stream else (1,):
                yield ContainerStats(name="/c1", id=ref, num_procs=number)

        return looks()

    async def top(self, ref: str, ps_args: str) -> ContainerTop:
        self._find(ref)
        self.asked.append(("top", ps_args))
        return ContainerTop(titles=["PID"], processes=[["7"]])

    async def update(self, ref: str, request: UpdateRequest) -> Sequence[str]:
        self._find(ref)
        self.asked.append(("update", request))
        return ["careful"] if request.memory else []

    async def prune(self, filters: Filters) -> ContainersPruneReport:
        self.asked.append(("prune", filters))
        return ContainersPruneReport(containers_deleted=["1" * 64], space_reclaimed=5)

    async def remove(self, ref: str, *, volumes: bool, force: bool, link: bool) -> None:
        self._find(ref)
        self.asked.append(("remove", (volumes, force, link)))

    async def rename(self, ref: str, name: str) -> None:
        if ref == "gone":
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        self.asked.append(("rename", (ref, name)))

    async def connect(self, ref: str, network: str, settings: EndpointSettings) -> None:
        self.asked.append(("connect", (ref, network, settings)))

    async def disconnect(self, ref: str, network: str, *, force: bool) -> None:
        self.asked.append(("disconnect", (ref, network, force)))

    async def pause(self, ref: str) -> None:
        raise Conflict(f"container {ref} is not running")

    async def unpause(self, ref: str) -> None:
        raise RuntimeError(f"a bug in {ref}")

    async def resize(self, ref: str, *, height: int, width: int) -> None:
        self._find(ref)
        self.asked.append(("resize", (height, width)))

    async def attach(self, ref: str, options: AttachOptions) -> FakeAttachment:
        self._find(ref)
        self.asked.append(("attach", options))
        return self.attachment

    async def logs(self, ref: str, options: LogOptions) -> FakeLog:
        self._find(ref)
        self.asked.append(("logs", options))
        return FakeLog(self.log, is_tty=self.attachment.is_tty)

    async def wait(self, ref: str, condition: str) -> Awaitable[WaitResponse]:
        self._find(ref)
        self.asked.append(("wait", condition))
        return self._wait()

    async def _wait(self) -> WaitResponse:
        try:
            return await asyncio.shield(self.exit)
        except asyncio.CancelledError:
            self.waiters_cancelled.set()
            raise


class FakeExecs:
    def __init__(self, attachment: FakeAttachment) -> None:
        self.attachment = attachment
        self.asked: list[tuple[str, Any]] = []

    async def create(self, ref: str, config: ExecConfig) -> str:
        self.asked.append(("create", (ref, config)))
        return "e" * 64

    async def start(self, exec_id: str, config: ExecStartConfig) -> FakeAttachment | None:
        if exec_id != "e1":
            raise NotFound(f"No such exec instance: {exec_id}")
        self.asked.append(("start", config))
        return None if config.detach else self.attachment

    async def inspect(self, exec_id: str) -> ExecInspect:
        return ExecInspect(id=exec_id)

    async def resize(self, exec_id: str, *, height: int, width: int) -> None:
        self.asked.append(("resize", (exec_id, height, width)))


class FakeImage(NamedTuple):
    id: str


class FakeImages:
    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.loaded = b""

    def list(
        self, filters: Filters, *, everything: bool = False, shared_size: bool = False
    ) -> Sequence[ImageSummary]:
        self.asked.append(("list", (filters, everything)))
        return [
            ImageSummary(
                id="sha256:1",
                repo_tags=["b:latest"],
                size=7,
                containers=2,
                shared_size=5 if shared_size else -1,
            )
        ]

    def inspect(self, text: str, *, platform: str = "") -> ImageInspect:
        if text == "nope":
            raise NotFound("No such image: nope:latest")
        return ImageInspect(id="sha256:1", comment=text + platform, size=7)

    def history(self, text: str, *, platform: str = "") -> Sequence[HistoryItem]:
        return [HistoryItem(id=text + platform)]

    async def tag(self, text: str, repository: str, tag: str = "") -> None:
        self.asked.append(("tag", (text, repository, tag)))

    async def remove(
        self, text: str, *, force: bool = False, prune: bool = True, platform: str = ""
    ) -> Sequence[ImageDeleteItem]:
        self.asked.append(("remove", (text, force, prune, platform)))
        return [ImageDeleteItem(untagged=text)]

    async def load(
        self,
        stream: AsyncIterable[bytes],
        *,
        quiet: bool = False,
        platform: str = "",
        report: Callable[[Progress], None] = lambda _: None,
    ) -> Sequence[FakeImage]:
        async for piece in stream:
            self.loaded += piece
        if self.loaded == b"bad":
            raise Conflict("bad archive")
        report(Progress(stream=f"Loaded image: x {quiet}{platform}\n"))
        return [FakeImage("sha256:1")]

    async def save(self, texts: Sequence[str], *, platform: str = "") -> AsyncIterator[bytes]:
        if "nope" in texts:
            raise NotFound("No such image: nope")

        async def pieces() -> AsyncIterator[bytes]:
            yield b"tar of "
            yield (",".join(texts) + platform).encode()

        return pieces()

    async def import_image(
        self,
        stream: AsyncIterable[bytes],
        *,
        changes: Sequence[str] = (),
        message: str = "",
        repository: str = "",
        tag: str = "",
        platform: str = "",
    ) -> FakeImage:
        self.loaded = b"".join([piece async for piece in stream])
        self.asked.append(("import", (tuple(changes), message, repository, tag, platform)))
        return FakeImage("sha256:2")


class FakeNetworks:
    def __init__(self) -> None:
        self.bridge = Network(
            id="b" * 64, name="bridge", driver="bridge", created_ns=1_000_000_000,
            ipam=(IpamConfig(subnet="172.17.0.0/16", gateway="172.17.0.1"),),
        )  # fmt: skip

    def list(self) -> Sequence[Network]:
        return [self.bridge]

    def find(self, name: str) -> Network:
        if name not in self.bridge.id and name != "bridge":
            raise NotFound(f"network {name} not found")
        return self.bridge

    def endpoints_on(self, network_id: str) -> Sequence[Endpoint]:
        return [
            Endpoint(
                id="e" * 64, network_id=network_id, network_name="bridge", driver="bridge", container_id="c1",
                mac="02:00:00:00:00:01", ip="172.17.0.2", prefix_len=16,
            )
        ]  # fmt: skip

    async def create(self, request: NetworkCreateRequest) -> Network:
        return msgspec.structs.replace(self.bridge, name=request.name, id="d" * 64)

    async def remove(self, name: str) -> Network:
        return self.find(name)

    async def prune(self, filters: Filters) -> Sequence[str]:
        return list(filters.get("label"))


class FakeVolumes:
    def __init__(self) -> None:
        self.asked: list[tuple[str, object]] = []

    async def create(self, request: VolumeCreateRequest) -> Volume:
        self.asked.append(("create", request))
        return Volume(name=request.name or "a" * 64, driver="local")

    def list(self, filters: Filters) -> VolumeList:
        self.asked.append(("list", filters))
        return VolumeList()

    def inspect(self, name: str) -> Volume:
        if name == "nope":
            raise NotFound("get nope: no such volume")
        return Volume(name=name, driver="local", scope="local")

    async def update(self, name: str) -> None:
        raise Unavailable(f"no swarm for {name}")

    async def remove(self, name: str, *, force: bool) -> None:
        self.asked.append(("remove", (name, force)))

    async def prune(self, filters: Filters, *, named_too: bool) -> VolumesPruneReport:
        self.asked.append(("prune", (filters, named_too)))
        return VolumesPruneReport(volumes_deleted=[])


class FakeEvents:
    def __init__(self) -> None:
        self.subscriptions = 0
        self.queue: asyncio.Queue[EventMessage | None] = asyncio.Queue()
        self.asked: list[tuple[int | None, int | None, Filters]] = []
        self.ended = asyncio.Event()

    def emit(self, action: str) -> None:
        self.queue.put_nowait(EventMessage(type="container", action=action, actor=EventActor(id="c1")))

    async def subscribe(
        self, *, since: int | None, until: int | None, filters: Filters
    ) -> AsyncIterator[EventMessage]:
        self.asked.append((since, until, filters))
        self.subscriptions += 1
        try:
            while (event := await self.queue.get()) is not None:
                yield event
        finally:
            self.subscriptions -= 1
            self.ended.set()


class FakeSystem:
    async def version(self) -> SystemVersion:
        return SystemVersion(version="28.5.2")

    async def info(self) -> SystemInfo:
        return SystemInfo(id="x", runtimes={})


class FakeRegistries:
    """Takes every login."""

    async def login(self, auth: AuthConfig) -> AuthResponse:
        return AuthResponse(status=f"{auth.username} at {auth.server_address}")

    async def search(self, term: str, *, limit: int, filters: Filters, auth: str) -> list[SearchResult]:
        return [SearchResult(name=term, star_count=limit, description=f"{auth}{bool(filters)}")]

    async def inspect(self, name: str, *, auth: str) -> DistributionInspect:
        return DistributionInspect(descriptor=Descriptor(media_type=f"{name}{auth}"))


class Rooms:
    """All the fakes behind one API."""

    def __init__(self) -> None:
        self.containers = FakeContainers()
        self.execs = FakeExecs(self.containers.attachment)
        self.images = FakeImages()
        self.networks = FakeNetworks()
        self.volumes = FakeVolumes()
        self.events = FakeEvents()
        self.system = FakeSystem()
        self.registries = FakeRegistries()


class Reply(NamedTuple):
    """One answer, read as bytes."""

    status_line: str
    headers: dict[str, str]
    body: bytes

    @property
    def status(self) -> int:
        return int(self.status_line.split()[1])

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        message = self.json()["message"]
        assert isinstance(message, str)
        return message


class Client:
    """One connection to the API; sends what it is told, reads whole answers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(
        self, method: str, path: str, *, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        lines = {"Host": "d", **(headers or {})}
        if body:
            lines.setdefault("Content-Type", "application/json")
            lines["Content-Length"] = str(len(body))
        head = "".join(f"{key}: {value}\r\n" for key, value in lines.items())
        self.writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)

    async def head(self) -> Reply:
        """Read an answer's head."""
        async with asyncio.timeout(LIMIT_S):
            text = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = text.strip().split("\r\n")
        return Reply(first, dict(line.split(": ", 1) for line in lines), b"")

    async def chunk(self) -> bytes:
        """Read one chunk of a chunked answer; empty at its end."""
        async with asyncio.timeout(LIMIT_S):
            size = int(await self.reader.readline(), 16)
            data = await self.reader.readexactly(size)
            await self.reader.readexactly(2)
            return data

    async def reply(self, *, has_body: bool = True) -> Reply:
        """Read a whole answer."""
        head = await self.head()
        if head.headers.get("Transfer-Encoding") == "chunked":
            pieces = []
            while piece := await self.chunk():
                pieces.append(piece)
            return head._replace(body=b"".join(pieces))
        length = int(head.headers.get("Content-Length", "0")) if has_body else 0
        async with asyncio.timeout(LIMIT_S):
            return head._replace(body=await self.reader.readexactly(length))

    async def ask(
        self, method: str, path: str, *, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Reply:
        """Send a request and read its answer."""
        self.send(method, path, body=body, headers=headers)
        return await self.reply(has_body=method != "HEAD")

    async def rest(self) -> bytes:
        """Read to the end of the connection."""
        async with asyncio.timeout(LIMIT_S):
            return await self.reader.read()


class Api:
    """A served API; `connect` for each client."""

    def __init__(self, rooms: Rooms, path: str) -> None:
        self.rooms = rooms
        self.path = path

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[Client]:
        reader, writer = await asyncio.open_unix_connection(self.path)
        try:
            yield Client(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def ask(
        self, method: str, path: str, *, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Reply:
        """Ask once, on a connection of its own."""
        async with self.connect() as client:
            return await client.ask(method, path, body=body, headers=headers)


@contextlib.asynccontextmanager
async def served(path: str = "", **timeouts: float) -> AsyncIterator[Api]:
    """Serve an API with fakes behind it, at a socket's path or in a folder of its own."""
    rooms = Rooms()
    server = make_app(
        containers=rooms.containers,
        execs=rooms.execs,
        images=rooms.images,
        networks=rooms.networks,
        volumes=rooms.volumes,
        events=rooms.events,
        system=rooms.system,
        registries=rooms.registries,
        **timeouts,
    )
    runner = web.ServerRunner(server, shutdown_timeout=0.2)
    await runner.setup()
    with tempfile.TemporaryDirectory(prefix="wharf-api-") as folder:
        try:
            path = path or f"{folder}/api.sock"
            await web.UnixSite(runner, path).start()
            yield Api(rooms, path)
        finally:
            await runner.cleanup()
