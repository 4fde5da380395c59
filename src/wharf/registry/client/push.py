"""Pushing: blobs that the repository has not, then the manifest.

A blob is not sent where it is there already, nor where it can be mounted from another repository of the same
registry. An upload that was cut goes on from the byte that the registry says it has (OCI distribution
specification, "Pushing a blob in chunks").
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlencode

from wharf.errors import EngineError
from wharf.limits import MIB
from wharf.registry.client.registry import Repository
from wharf.registry.client.transport import Answer, resolved
from wharf.registry.credentials import Credentials
from wharf.registry.errors import InvalidDocument, RegistryRefused, TooManyRequests, Unreachable
from wharf.registry.host import hosts_for
from wharf.registry.settings import RegistrySettings
from wharf.schema.digest import Digest
from wharf.schema.reference import Reference

_RANGE = re.compile(r"(?:bytes=)?0-(\d{1,18})", re.ASCII)
_CHUNK = 16 * MIB
"""Of a registry that takes no more in one request (413)."""
_PAUSE_MAX_S = 8.0
_OCTETS = "application/octet-stream"

Read = Callable[[int, int], AsyncIterator[bytes]]
"""Yields the bytes from the first offset to the second."""


class Outgoing(NamedTuple):
    """A blob to be sent; `sent` is told the bytes that are gone, `retrying` how many seconds it waits."""

    digest: Digest
    size: int
    read: Read
    sent: Callable[[int], None]
    retrying: Callable[[int], None]


@asynccontextmanager
async def repository(
    reference: Reference, auth: Credentials | None, settings: RegistrySettings
) -> AsyncIterator[Repository]:
    """Give the repository of `reference` at its own registry, never a mirror, to be pushed to.

    Raises Unreachable, RegistryRefused.
    """
    failure: EngineError | None = None
    for host in hosts_for(reference.domain, settings._replace(mirrors=())):
        found = Repository(host, reference, auth, settings, actions="push,pull")
        try:
            try:
                await found.ping()
            except Unreachable as error:
                failure = error
                continue
            yield found
            return
        finally:
            await found.close()
    assert failure is not None
    raise failure


async def exists(to: Repository, digest: Digest) -> bool:
    """Whether the repository has the blob; raises Unreachable and the registry's refusals."""
    async with to.head(to.blob_url(digest)) as answer:
        if answer.status in {HTTPStatus.OK, HTTPStatus.NOT_FOUND}:
            return answer.status == HTTPStatus.OK
        raise await to.refusal(answer)


async def mount(to: Repository, digest: Digest, paths: Sequence[str]) -> str | None:
    """Take the blob from one of the repositories `paths` of this registry; return which, or None."""
    for path in paths:
        query = urlencode({"mount": digest, "from": path})
        asked = to.send("POST", to.url(f"blobs/uploads/?{query}"), scopes=(f"repository:{path}:pull",))
        async with asked as answer:
            if answer.status == HTTPStatus.CREATED:
                return path
            location = answer.headers.get("Location")
        if answer.status == HTTPStatus.ACCEPTED and location:
            # It has begun an upload instead, which nobody will end.
            async with to.send("DELETE", resolved(answer.url, location)):
                pass
    return None


async def upload(to: Repository, blob: Outgoing, settings: RegistrySettings) -> None:
    """Send the blob; raises Unreachable and refusals when `attempts` in a row did not get on."""
    await _Upload(to, blob, settings).run()


class _Upload:
    """One blob on its way: `location` is where the registry takes what comes next, from byte `offset` on."""

    def __init__(self, to: Repository, blob: Outgoing, settings: RegistrySettings) -> None:
        self._to = to
        self._blob = blob
        self._settings = settings
        self._location = ""
        self._offset = 0
        self._chunk = max(blob.size, 1)

    async def run(self) -> None:
        in_vain = 0
        while True:
            before = self._offset
            try:
                if not self._location:
                    await self._begin()
                elif in_vain:
                    await self._ask()
                while self._offset < self._blob.size:
                    await self._send()
                await self._finish()
            except (Unreachable, RegistryRefused, TooManyRequests, InvalidDocument) as error:
                in_vain = 1 if self._offset > before else in_vain + 1
                if isinstance(error, InvalidDocument) or in_vain >= self._settings.attempts:
                    raise
                asked_s = error.retry_after_s if isinstance(error, TooManyRequests) else 0.0
                pause_s = asked_s or min(2.0 ** (in_vain - 1), _PAUSE_MAX_S)
                self._blob.retrying(round(pause_s))
                await asyncio.sleep(pause_s)
            else:
                return

    async def _begin(self) -> None:
        async with self._to.send("POST", self._to.url("blobs/uploads/")) as answer:
            if answer.status != HTTPStatus.ACCEPTED:
                raise await self._to.refusal(answer)
            self._offset = 0
            self._take(answer)

    async def _ask(self) -> None:
        """Learn how much has come; an upload that is not known any more is begun anew."""
        async with self._to.get(self._location) as answer:
            found = _RANGE.fullmatch(answer.headers.get("Range", ""))
            is_known = answer.status in {HTTPStatus.NO_CONTENT, HTTPStatus.OK, HTTPStatus.ACCEPTED}
            if is_known and found is not None:
                # `0-0` stands for nothing as well as for one byte: one byte is sent again.
                self._offset = min(int(found[1]) + 1, self._blob.size) if int(found[1]) else 0
                self._take(answer)
                return
        await self._begin()

    async def _send(self) -> None:
        """Send what comes next, as much as the registry takes in one request."""
        start = self._offset
        end = min(start + self._chunk, self._blob.size)
        headers = {"Content-Type": _OCTETS, "Content-Length": str(end - start)}
        if start or end < self._blob.size:
            headers["Content-Range"] = f"{start}-{end - 1}"

        async def body() -> AsyncIterator[bytes]:
            gone = start
            async for piece in self._blob.read(start, end):
                yield piece
                gone += len(piece)
                self._blob.sent(gone)

        async with self._to.send("PATCH", self._location, headers, body=body) as answer:
            if answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and self._chunk > _CHUNK:
                self._chunk = _CHUNK
                self._location = ""
                await self._begin()
                return
            if answer.status not in {HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT, HTTPStatus.CREATED}:
                raise await self._to.refusal(answer)
            self._offset = end
            self._take(answer)

    async def _finish(self) -> None:
        separator = "&" if "?" in self._location else "?"
        url = f"{self._location}{separator}{urlencode({'digest': self._blob.digest})}"
        async with self._to.send("PUT", url, {"Content-Type": _OCTETS}) as answer:
            if answer.status in {HTTPStatus.CREATED, HTTPStatus.NO_CONTENT}:
                return
            if answer.status == HTTPStatus.BAD_REQUEST:
                self._location = ""  # what is there is not what was sent: once more from the beginning
            raise await self._to.refusal(answer)

    def _take(self, answer: Answer) -> None:
        """Go on at the place that an answer names; raises InvalidDocument when there is none."""
        location = answer.headers.get("Location") or self._location
        if not location:
            raise InvalidDocument("the registry did not say where to upload a blob")
        self._location = resolved(answer.url, location)


async def put_manifest(to: Repository, name: str, body: bytes, media_type: str) -> None:
    """Store a manifest or an index under `name`, a tag or its digest; raises refusals, Unreachable."""
    async with to.send("PUT", to.url(f"manifests/{name}"), {"Content-Type": media_type}, body=body) as answer:
        if answer.status not in {HTTPStatus.CREATED, HTTPStatus.OK, HTTPStatus.ACCEPTED}:
            raise await to.refusal(answer)
