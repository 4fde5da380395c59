"""The HTTP half of the registry: the distribution specification's requests, one method each."""

import json
import re
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from urllib.parse import urlencode

from aiohttp import web

from wharf import limits
from wharf.aio.lane import Lane
from wharf.errors import EngineError
from wharf.registry.documents import Checked, check
from wharf.registry.server.refusals import Refused
from wharf.registry.server.storage import Storage
from wharf.schema.digest import Digest, InvalidDigest
from wharf.schema.oci import Descriptor, Manifest
from wharf.schema.struct import encode

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*", re.ASCII)
_NAME_MAX = 255
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}", re.ASCII)
_RANGE = re.compile(r"(\d{1,18})-(\d{1,18})", re.ASCII)
_ROUTES = re.compile(
    r"/v2/(?P<name>.+)/"
    r"(?:(?P<kind>blobs/uploads|blobs|manifests|referrers)/(?P<key>[^/]*)|(?P<list>tags/list))"
)
_PAGE = 100
_PAGE_MAX = 10_000
_BATCH = 1024 * 1024
_INDEX = "application/vnd.oci.image.index.v1+json"
_VERSION = {"Docker-Distribution-Api-Version": "registry/2.0", "X-Content-Type-Options": "nosniff"}

Method = Callable[[web.Request, str, str], Awaitable[web.StreamResponse]]


class Registry:
    """A registry over `storage`; give `app` to a runner, and `close` when it has stopped."""

    def __init__(self, storage: Storage, *, threads: int = 4) -> None:
        self._storage = storage
        self._lane = Lane("registry", threads)
        self._methods: dict[tuple[str, str], Method] = {
            ("GET", "blobs"): self._get_blob,
            ("HEAD", "blobs"): self._get_blob,
            ("DELETE", "blobs"): self._delete_blob,
            ("POST", "blobs/uploads"): self._begin_upload,
            ("GET", "blobs/uploads"): self._upload_status,
            ("PATCH", "blobs/uploads"): self._patch_upload,
            ("PUT", "blobs/uploads"): self._put_upload,
            ("DELETE", "blobs/uploads"): self._cancel_upload,
            ("GET", "manifests"): self._get_manifest,
            ("HEAD", "manifests"): self._get_manifest,
            ("PUT", "manifests"): self._put_manifest,
            ("DELETE", "manifests"): self._delete_manifest,
            ("GET", "referrers"): self._referrers,
            ("GET", "tags/list"): self._tags,
        }

    @property
    def app(self) -> web.Application:
        """The application."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.handle)
        return app

    async def close(self) -> None:
        """Wait for what has begun."""
        await self._lane.close()

    async def sweep(self, age_s: float) -> int:
        """Remove uploads that nobody went on with for so long; return how many files went."""
        return await self._lane.run(self._storage.sweep, age_s)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        try:
            response = await self._dispatch(request)
        except Refused as refused:
            response = refused.answer()
        if not response.prepared:
            response.headers.update(_VERSION)
        return response

    async def _dispatch(self, request: web.Request) -> web.StreamResponse:
        if request.path in {"/v2", "/v2/"} and request.method in {"GET", "HEAD"}:
            return web.json_response({})
        if request.path == "/v2/_catalog" and request.method == "GET":
            found = await self._lane.run(self._storage.repositories)
            return _page(request, found, "repositories", {})
        match = _ROUTES.fullmatch(request.path)
        if match is None:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        name = match["name"]
        if len(name) > _NAME_MAX or _NAME.fullmatch(name) is None:
            raise Refused("NAME_INVALID", {"name": name})
        method = self._methods.get((request.method, match["kind"] or match["list"]))
        if method is None:
            raise Refused("UNSUPPORTED")
        return await method(request, name, match["key"] or "")

    # Blobs

    async def _get_blob(self, _: web.Request, name: str, key: str) -> web.StreamResponse:
        digest = _digest(key)
        self._storage.check_repository(name)
        if not self._storage.has_blob(name, digest):
            raise Refused("BLOB_UNKNOWN", {"digest": digest})
        headers = {
            "Content-Type": "application/octet-stream",
            "Docker-Content-Digest": digest,
            "Cache-Control": "max-age=31536000",
        }
        return web.FileResponse(self._storage.blob_path(digest), chunk_size=_BATCH, headers=headers)

    async def _delete_blob(self, _: web.Request, name: str, key: str) -> web.StreamResponse:
        await self._lane.run(self._storage.delete_blob, name, _digest(key))
        return web.Response(status=HTTPStatus.ACCEPTED)

    async def _begin_upload(self, request: web.Request, name: str, key: str) -> web.StreamResponse:
        if key:
            raise Refused("UNSUPPORTED")
        mounted, origin = request.query.get("mount"), request.query.get("from", "")
        if mounted is not None and _NAME.fullmatch(origin) is not None:
            digest = _digest(mounted)
            if self._storage.has_blob(origin, digest):
                await self._lane.run(self._storage.mount, name, digest)
                return _created(f"/v2/{name}/blobs/{digest}", digest)
        upload = await self._lane.run(self._storage.begin_upload)
        if "digest" in request.query:
            return await self._put_upload(request, name, upload)
        return self._upload_answer(name, upload, 0, HTTPStatus.ACCEPTED)

    async def _upload_status(self, _: web.Request, name: str, key: str) -> web.StreamResponse:
        return self._upload_answer(name, key, self._storage.upload_size(key), HTTPStatus.NO_CONTENT)

    async def _patch_upload(self, request: web.Request, name: str, key: str) -> web.StreamResponse:
        await self._receive(request, key)
        return self._upload_answer(name, key, self._storage.upload_size(key), HTTPStatus.ACCEPTED)

    async def _put_upload(self, request: web.Request, name: str, key: str) -> web.StreamResponse:
        digest = _digest(request.query.get("digest", ""))
        await self._receive(request, key)
        await self._lane.run(self._storage.finish, key, name, digest)
        return _created(f"/v2/{name}/blobs/{digest}", digest)

    async def _cancel_upload(self, _: web.Request, _name: str, key: str) -> web.StreamResponse:
        await self._lane.run(self._storage.cancel, key)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _receive(self, request: web.Request, upload: str) -> None:
        """Append the body of a request; a piece that comes out of order is refused."""
        size = self._storage.upload_size(upload)
        if wanted := request.headers.get("Content-Range"):
            found = _RANGE.fullmatch(wanted)
            if found is None or int(found[1]) != size:
                raise Refused("BLOB_UPLOAD_INVALID", {"range": f"0-{max(size - 1, 0)}"})
            length = request.content_length
            if length is not None and length != int(found[2]) - int(found[1]) + 1:
                raise Refused("SIZE_INVALID")
        batch = bytearray()
        async for piece in request.content.iter_any():
            batch += piece
            if len(batch) >= _BATCH:
                await self._lane.run(self._storage.append, upload, bytes(batch))
                batch.clear()
        if batch:
            await self._lane.run(self._storage.append, upload, bytes(batch))

    @staticmethod
    def _upload_answer(name: str, upload: str, size: int, status: HTTPStatus) -> web.Response:
        headers = {
            "Location": f"/v2/{name}/blobs/uploads/{upload}",
            "Range": f"0-{max(size - 1, 0)}",
            "Docker-Upload-UUID": upload,
        }
        return web.Response(status=status, headers=headers)

    # Manifests

    async def _get_manifest(self, request: web.Request, name: str, key: str) -> web.StreamResponse:
        digest, media_type = await self._lane.run(self._storage.manifest, name, _reference(key))
        headers = {"Docker-Content-Digest": digest, "ETag": f'"{digest}"'}
        if request.headers.get("If-None-Match", "").strip('"') == digest:
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        body = await self._lane.run(self._storage.read, digest)
        return web.Response(body=body, headers={**headers, "Content-Type": media_type})

    async def _put_manifest(self, request: web.Request, name: str, key: str) -> web.StreamResponse:
        reference = _reference(key)
        body = await _body(request)
        expected = Digest(reference) if ":" in reference else None
        try:
            checked = check(body, request.headers.get("Content-Type", ""), expected)
            subject = _subject(checked)
            self._check_blobs(name, checked)
        except EngineError as error:
            code = "DIGEST_INVALID" if expected not in {None, Digest.of(body)} else "MANIFEST_INVALID"
            raise Refused(code, str(error)) from None
        tag = None if expected is not None else reference
        digest = await self._lane.run(self._storage.put_manifest, name, body, checked.media_type, tag)
        response = _created(f"/v2/{name}/manifests/{digest}", digest)
        if subject:
            response.headers["OCI-Subject"] = subject
        return response

    def _check_blobs(self, name: str, checked: Checked) -> None:
        """Refuse a manifest of blobs, or an index of manifests, that the repository has not."""
        if checked.as_manifest is not None:
            for blob in (checked.config, *checked.layers):
                if not self._storage.has_blob(name, blob.digest):
                    raise Refused("MANIFEST_BLOB_UNKNOWN", {"digest": blob.digest})
        if checked.as_index is not None:
            for entry in checked.as_index.manifests:
                try:
                    self._storage.manifest(name, _digest(entry.digest))
                except Refused:
                    raise Refused("MANIFEST_BLOB_UNKNOWN", {"digest": entry.digest}) from None

    async def _delete_manifest(self, _: web.Request, name: str, key: str) -> web.StreamResponse:
        await self._lane.run(self._storage.delete_manifest, name, _reference(key))
        return web.Response(status=HTTPStatus.ACCEPTED)

    async def _tags(self, request: web.Request, name: str, _: str) -> web.StreamResponse:
        return _page(request, await self._lane.run(self._storage.tags, name), "tags", {"name": name})

    async def _referrers(self, request: web.Request, name: str, key: str) -> web.StreamResponse:
        digest = _digest(key)
        found = await self._lane.run(self._referring, name, digest)
        headers = {"Content-Type": _INDEX}
        if wanted := request.query.get("artifactType"):
            found = [each for each in found if each.artifact_type == wanted]
            headers["OCI-Filters-Applied"] = "artifactType"
        index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": found}
        return web.Response(body=encode(index), headers=headers)

    def _referring(self, name: str, subject: Digest) -> list[Descriptor]:
        """Return descriptors of the manifests of a repository whose subject this is."""
        found = []
        for digest, media_type in self._storage.manifests(name):
            body = self._storage.read(digest)
            checked = check(body, media_type, digest)
            if _subject(checked) != subject:
                continue
            document = checked.as_manifest or checked.as_index
            assert document is not None
            kind = document.artifact_type
            if not kind and isinstance(document, Manifest):
                kind = document.config.media_type
            found.append(
                Descriptor(
                    media_type=media_type,
                    digest=digest,
                    size=len(body),
                    annotations=document.annotations,
                    artifact_type=kind,
                )
            )
        return found


def _digest(text: str) -> Digest:
    try:
        return Digest.parse(text)
    except InvalidDigest:
        raise Refused("DIGEST_INVALID", {"digest": text}) from None


def _reference(text: str) -> str:
    """Return a tag or a digest; raises Refused."""
    if ":" in text:
        return _digest(text)
    if _TAG.fullmatch(text) is None:
        raise Refused("TAG_INVALID", {"tag": text})
    return text


def _subject(checked: Checked) -> str:
    document = checked.as_manifest or checked.as_index
    subject = None if document is None else document.subject
    return "" if subject is None else _digest(subject.digest)


async def _body(request: web.Request) -> bytes:
    body = bytearray()
    async for piece in request.content.iter_any():
        body += piece
        if len(body) > limits.MANIFEST:
            raise Refused("TOO_LARGE")
    return bytes(body)


def _created(location: str, digest: Digest) -> web.Response:
    headers = {"Location": location, "Docker-Content-Digest": digest}
    return web.Response(status=HTTPStatus.CREATED, headers=headers)


def _page(request: web.Request, names: Sequence[str], key: str, more: dict[str, str]) -> web.StreamResponse:
    """Return the names after `last`, `n` of them, with a link to what follows."""
    text = request.query.get("n")
    if text is not None and not (text.isascii() and text.isdecimal()):
        raise Refused("PAGINATION_NUMBER_INVALID", {"n": text})
    count = min(_PAGE if text is None else int(text), _PAGE_MAX)
    rest = [name for name in names if name > request.query.get("last", "")]
    shown = rest[:count]
    headers = {}
    if shown and len(rest) > count:
        query = urlencode({"n": count, "last": shown[-1]})
        headers["Link"] = f'<{request.path}?{query}>; rel="next"'
    body = json.dumps({**more, key: shown})
    return web.Response(text=body, content_type="application/json", headers=headers)
