"""One repository at one registry host: its manifests and its blobs.

Every request carries the token for pulling from this repository; one that is not taken is fetched anew, once.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus

from wharf import limits
from wharf.registry.client import challenge
from wharf.registry.client.refusal import read, refused
from wharf.registry.client.tokens import Tokens
from wharf.registry.client.transport import Answer, Transport
from wharf.registry.credentials import Credentials
from wharf.registry.documents import INDEX_TYPES, MANIFEST_TYPES, Checked, check
from wharf.registry.errors import BlobUnknown, ManifestUnknown, PullDenied
from wharf.registry.host import Host
from wharf.registry.settings import RegistrySettings
from wharf.schema.digest import Digest
from wharf.schema.reference import Reference

_ACCEPT = ", ".join(sorted(INDEX_TYPES) + sorted(MANIFEST_TYPES))
_REFUSAL_BODY = 64 * limits.KIB


class Repository:
    """A repository that may be pulled from; ended by `close`."""

    def __init__(
        self, host: Host, reference: Reference, auth: Credentials | None, settings: RegistrySettings
    ) -> None:
        self._transport = Transport(host, settings)
        self._tokens = Tokens(self._transport, auth)
        self._reference = reference
        self._scope = f"repository:{reference.path}:pull"
        self._base = f"{host.base}/v2/"

    async def close(self) -> None:
        """Close its connections."""
        await self._transport.close()

    async def ping(self) -> None:
        """See that a registry is there and how it wants to be authenticated to.

        Raises Unreachable, and RegistryRefused for something else than a registry.
        """
        async with self._transport.get(self._base, {}) as answer:
            if answer.status == HTTPStatus.UNAUTHORIZED:
                self._learn(answer)
            elif answer.status != HTTPStatus.OK:
                raise refused(answer.status, await answer.body(_REFUSAL_BODY))

    async def manifest(self, name: str, expected: Digest | None) -> Checked:
        """Return the manifest or index `name`, a tag or a digest.

        Raises ManifestUnknown, PullDenied, NotAuthorized, InvalidDocument, VerificationFailed, Unreachable.
        """
        url = f"{self._base}{self._reference.path}/manifests/{name}"
        async with self._get(url, {"Accept": _ACCEPT}) as answer:
            if answer.status != HTTPStatus.OK:
                raise self._refused_manifest(answer.status, await answer.body(_REFUSAL_BODY), name)
            body = await answer.body(limits.MANIFEST)
            return check(body, answer.headers.get("Content-Type", ""), expected)

    def blob_url(self, digest: Digest) -> str:
        """Return where a blob is asked for."""
        return f"{self._base}{self._reference.path}/blobs/{digest}"

    @asynccontextmanager
    async def blob(self, digest: Digest, offset: int) -> AsyncIterator[Answer]:
        """Begin to get a blob from byte `offset` on (status 206) or, if the registry cannot, all of it (200).

        Raises BlobUnknown and the other refusals, Unreachable.
        """
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        async with self._get(self.blob_url(digest), headers) as answer:
            if answer.status not in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
                body = await answer.body(_REFUSAL_BODY)
                raise BlobUnknown if answer.status == HTTPStatus.NOT_FOUND else refused(answer.status, body)
            yield answer

    @asynccontextmanager
    async def _get(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[Answer]:
        authorization = await self._tokens.header(self._scope)
        async with self._transport.get(url, headers, authorization=authorization) as answer:
            if answer.status != HTTPStatus.UNAUTHORIZED:
                yield answer
                return
            self._learn(answer)
            self._tokens.forget()
            again = await self._tokens.header(self._scope)
            if again is None or (again == authorization and again.startswith("Basic")):
                yield answer
                return
        async with self._transport.get(url, headers, authorization=again) as answer:
            yield answer

    def _learn(self, answer: Answer) -> None:
        headers = answer.headers.getall("WWW-Authenticate", [])
        self._tokens.learn([found for header in headers for found in challenge.parse(header)])

    def _refused_manifest(self, status: int, body: bytes, name: str) -> Exception:
        refusal = read(status, body)
        familiar = self._reference.trimmed().familiar
        if status == HTTPStatus.UNAUTHORIZED and self._tokens.is_denied:
            return PullDenied(familiar, "denied: requested access to the resource is denied")
        if refusal.code == "MANIFEST_UNKNOWN":
            separator = "@" if ":" in name else ":"
            return ManifestUnknown(f"{familiar}{separator}{name}", refusal.text)
        if refusal.code in {"NAME_UNKNOWN", "DENIED"}:
            return PullDenied(familiar, refusal.text)
        return refused(status, body)
