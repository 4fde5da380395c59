"""A registry on loopback that does what a test tells it to, and a sink that keeps blobs in memory."""

import asyncio
import gzip
import hashlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from wharf.registry.settings import RegistrySettings
from wharf.schema.digest import Digest

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"

QUICK = RegistrySettings(stall_s=0.3, attempts=3)

Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]


def digest_of(data: bytes) -> Digest:
    return Digest(f"sha256:{hashlib.sha256(data).hexdigest()}")


LAYER = gzip.compress(b"layer one", mtime=0)
BIG_LAYER = hashlib.shake_256(b"layer two").digest(3 << 20)
CONFIG = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers"}}).encode()


def manifest(
    *,
    config: bytes = CONFIG,
    layers: tuple[bytes, ...] = (LAYER, BIG_LAYER),
    kind: str = MANIFEST,
) -> bytes:
    """Return a manifest."""
    document = {
        "schemaVersion": 2,
        "mediaType": kind,
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "size": len(config),
            "digest": digest_of(config),
        },
        "layers": [
            {
                "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                "size": len(layer),
                "digest": digest_of(layer),
            }
            for layer in layers
        ],
    }
    return json.dumps(document).encode()


def index(entries: dict[str, bytes], kind: str = LIST) -> bytes:
    """Return an index of manifests by platform, `linux/arm64/v8`."""
    manifests = []
    for platform, body in entries.items():
        os, architecture, *variant = platform.split("/")
        described: dict[str, object] = {"os": os, "architecture": architecture}
        if variant:
            described["variant"] = variant[0]
        manifests.append(
            {"mediaType": MANIFEST, "size": len(body), "digest": digest_of(body), "platform": described}
        )
    return json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": manifests}).encode()


class FakeRegistry:
    """Serves what is put into `manifests` (by tag and digest) and `blobs`; `replies` by path come first."""

    def __init__(self) -> None:
        self.manifests: dict[str, tuple[str, bytes]] = {}
        self.blobs: dict[str, bytes] = {}
        self.replies: dict[str, list[Reply]] = {}
        self.requests: list[tuple[str, str | None, str | None]] = []
        """Path with query, Authorization, Range of each request."""
        self.uploads: dict[str, bytearray] = {}
        """Blobs on their way, by path."""
        self.mountable: dict[str, str] = {}
        """Digests that may be mounted, with the repository they lie in."""
        self.log: list[str] = []
        """Method and path of each request."""
        self.chunk_max = 1 << 40
        """The largest body that an upload takes."""
        self.port = 0
        self.scheme = "http"
        self.before: Reply | None = None
        """Asked first for every request; a status of 100 lets it pass."""

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.address}"

    def put(self, body: bytes, *names: str, kind: str = MANIFEST) -> Digest:
        """Serve a manifest under its digest and tags."""
        for name in (digest_of(body), *names):
            self.manifests[name] = (kind, body)
        return digest_of(body)

    def put_image(self) -> Digest:
        """Serve an image with two layers as `latest`."""
        for blob in (CONFIG, LAYER, BIG_LAYER):
            self.blobs[digest_of(blob)] = blob
        return self.put(manifest(), "latest")

    def once(self, path: str, *replies: Reply) -> None:
        """Answer the next requests for `path` so, one by one."""
        self.replies.setdefault(path, []).extend(replies)

    def blob_path(self, blob: bytes, repository: str = "x") -> str:
        return f"/v2/{repository}/blobs/{digest_of(blob)}"

    def asked(self, path: str) -> int:
        """Return how often a path was asked for."""
        return sum(request[0].partition("?")[0] == path for request in self.requests)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = request.headers
        self.log.append(f"{request.method} {request.path}")
        self.requests.append((request.path_qs, headers.get("Authorization"), headers.get("Range")))
        if self.before is not None:
            early = await self.before(request)
            if early.status != 100:
                return early
        if replies := self.replies.get(request.path):
            return await replies.pop(0)(request)
        if request.path == "/v2/":
            return web.json_response({})
        if "/blobs/uploads/" in request.path:
            return await self._upload(request)
        _, kind, name = request.path.rsplit("/", 2)
        if kind == "manifests" and request.method == "PUT":
            body = await request.read()
            self.put(body, name, kind=request.content_type)
            return web.Response(status=201)
        if kind == "manifests" and name in self.manifests:
            content_type, body = self.manifests[name]
            return web.Response(body=body, content_type=content_type)
        if kind == "blobs" and name in self.blobs:
            return ranged(request, self.blobs[name])
        if kind == "tags":
            names = sorted(each for each in self.manifests if not each.startswith("sha256:"))
            rest = [each for each in names if each > request.query.get("last", "")]
            following = f'<{request.path}?last={rest[0]}>; rel="next"'
            links = {"Link": following} if len(rest) > 1 else {}
            return web.json_response({"name": "x", "tags": rest[:1]}, headers=links)
        code = {"manifests": "MANIFEST_UNKNOWN", "blobs": "BLOB_UNKNOWN"}.get(kind, "UNSUPPORTED")
        return error(404, code, code.lower().replace("_", " "))

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            mounted = request.query.get("mount", "")
            if mounted and self.mountable.get(mounted) == request.query["from"]:
                return web.Response(status=201)
            path = f"{request.path}{len(self.log)}"
            self.uploads[path] = bytearray()
            return web.Response(status=202, headers={"Location": path, "Range": "0-0"})
        data = self.uploads.get(request.path)
        if data is None:
            return error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        if request.method == "PATCH":
            if (request.content_length or 0) > self.chunk_max:
                return web.Response(status=413)
            start = int(request.headers.get("Content-Range", "0-").partition("-")[0])
            if start != len(data):
                return error(416, "BLOB_UPLOAD_INVALID", "out of order")
            async for piece in request.content.iter_any():
                data += piece
        found = {"Location": request.path, "Range": f"0-{max(len(data) - 1, 0)}"}
        if request.method in {"PATCH", "GET"}:
            return web.Response(status=202 if request.method == "PATCH" else 204, headers=found)
        if request.method == "DELETE":
            del self.uploads[request.path]
            return web.Response(status=204)
        if digest_of(bytes(data)) != request.query["digest"]:
            return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        self.blobs[request.query["digest"]] = bytes(self.uploads.pop(request.path))
        return web.Response(status=201)

    def hang_up_after(self, size: int) -> Reply:
        """Take `size` bytes of an upload, and hang up."""

        async def reply(request: web.Request) -> web.StreamResponse:
            data = self.uploads[request.path]
            while len(data) < size:
                data += await request.content.readany()
            assert request.transport is not None
            request.transport.close()
            return web.Response()

        return reply

    def begins_upload(self, reply: Reply) -> Reply:
        """Begin an upload whose first body is answered by `reply`."""

        async def begin(request: web.Request) -> web.StreamResponse:
            response = await self._upload(request)
            self.once(response.headers["Location"], reply)
            return response

        return begin


def ranged(request: web.Request, blob: bytes) -> web.Response:
    """Answer with what a Range header asks for."""
    if (wanted := request.headers.get("Range")) is None:
        return web.Response(body=blob)
    start = int(wanted.removeprefix("bytes=").rstrip("-"))
    headers = {"Content-Range": f"bytes {start}-{len(blob) - 1}/{len(blob)}"}
    return web.Response(status=206, body=blob[start:], headers=headers)


def error(status: int, code: str, message: str, **headers: str) -> web.Response:
    """Return a refusal in the distribution specification's form."""
    body = {"errors": [{"code": code, "message": message, "detail": None}]}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.json_response(body, status=status, headers=named)


def cut_after(blob: bytes, size: int) -> Reply:
    """Send `size` bytes of `blob` (from where a Range asks) under the full length, and hang up."""

    async def reply(request: web.Request) -> web.StreamResponse:
        whole = ranged(request, blob)
        body = whole.body
        assert isinstance(body, bytes)
        response = web.StreamResponse(status=whole.status, headers=whole.headers)
        response.content_length = len(body)
        await response.prepare(request)
        await response.write(body[:size])
        assert request.transport is not None
        request.transport.close()
        return response

    return reply


def stall_after(blob: bytes, size: int) -> Reply:
    """Send `size` bytes of `blob`, then nothing, for as long as the client stays."""

    async def reply(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = len(blob)
        await response.prepare(request)
        await response.write(blob[:size])
        await silence(request)
        return response

    return reply


async def silence(_: web.Request) -> web.StreamResponse:
    """Say nothing until the client hangs up, which cancels this."""
    await asyncio.Event().wait()
    raise AssertionError


def answer(response: Callable[[], web.Response]) -> Reply:
    """Answer with a fresh response."""

    async def reply(_: web.Request) -> web.StreamResponse:
        return response()

    return reply


@asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None) -> AsyncIterator[FakeRegistry]:
    """Run a registry on a free port of 127.0.0.1."""
    registry = FakeRegistry()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", registry.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    registry.port = runner.addresses[0][1]
    registry.scheme = "http" if tls is None else "https"
    try:
        yield registry
    finally:
        await runner.cleanup()


class MemoryWriter:
    """A blob in memory."""

    def __init__(self, sink: "MemorySink", digest: Digest) -> None:
        self._sink = sink
        self._digest = digest
        self._data = bytearray()
        sink.open_writers += 1

    async def begin(self) -> "tuple[hashlib._Hash, int]":
        return hashlib.sha256(), 0

    async def discard(self) -> None:
        self._data.clear()

    async def write(self, data: bytes) -> None:
        self._data += data

    async def commit(self) -> None:
        self._sink.blobs[self._digest] = bytes(self._data)

    async def close(self) -> None:
        self._sink.open_writers -= 1


class MemorySink:
    """Blobs in memory."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.open_writers = 0

    async def has(self, digest: Digest) -> bool:
        return digest in self.blobs

    async def writer(self, digest: Digest, size: int) -> MemoryWriter:
        assert size >= 0
        return MemoryWriter(self, digest)
