"""One repository at one registry host: its manifests and its blobs.

Every request carries the token for what may be done here (pulling, or pushing, too); one that is not taken is
fetched anew, once.
"""

import re
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http import HTTPStatus

import msgspec

from wharf import limits
from wharf.errors import EngineError
from wharf.registry.client import challenge
from wharf.registry.client.refusal import read, refused
from wharf.registry.client.tokens import Tokens
from wharf.registry.client.transport import Answer, Transport, resolved
from wharf.registry.credentials import Credentials
from wharf.registry.documents import INDEX_TYPES, MANIFEST_TYPES, Checked, check
from wharf.registry.errors import (
    AccessDenied,
    BlobUnknown,
    InvalidDocument,
    ManifestUnknown,
    NoCredentials,
    PullDenied,
)
from wharf.registry.host import Host
from wharf.registry.settings import RegistrySettings
from wharf.schema.digest import Digest
from wharf.schema.reference import Reference

_ACCEPT = ", ".join(sorted(INDEX_TYPES) + sorted(MANIFEST_TYPES))
_REFUSAL_BODY = 64 * limits.KIB


_TAGS_MAX = 100_000
_NEXT = re.compile(r"\s*<([^<>]+)>\s*;\s*rel=\"?next\"?", re.ASCII)
"""RFC 8288, as the distribution specification uses it."""


class _Tags(msgspec.Struct):
    tags: list[str] | None = None


_Request = Callable[[str | None], AbstractAsyncContextManager[Answer]]
"""Sends a request with this `Authorization`."""


class Repository:
    """A repository to be pulled from (`actions`: `pull`) or pushed to (`push,pull`); ended by `close`."""

    def __init__(
        self,
        host: Host,
        reference: Reference,
        auth: Credentials | None,
        settings: RegistrySettings,
        *,
        actions: str = "pull",
    ) -> None:
        self._transport = Transport(host, settings)
        self._tokens = Tokens(self._transport, auth)
        self._reference = reference
        self._scope = f"repository:{reference.path}:{actions}"
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
        try:
            return await self._manifest(url, name, expected)
        except NoCredentials:
            raise NoCredentials(f'Head "{url}": ') from None  # Docker asks with HEAD first

    async def _manifest(self, url: str, name: str, expected: Digest | None) -> Checked:
        async with self.get(url, {"Accept": _ACCEPT}) as answer:
            if answer.status != HTTPStatus.OK:
                raise self._refused_manifest(answer.status, await answer.body(_REFUSAL_BODY), name)
            body = await answer.body(limits.MANIFEST)
            return check(body, answer.headers.get("Content-Type", ""), expected)

    async def tags(self) -> list[str]:
        """Return all tags, page by page; raises the registry's refusals, InvalidDocument, Unreachable."""
        found: list[str] = []
        url: str | None = self.url("tags/list")
        while url is not None:
            async with self.get(url) as answer:
                if answer.status != HTTPStatus.OK:
                    body = await answer.body(_REFUSAL_BODY)
                    raise self._refused_manifest(answer.status, body, "")
                try:
                    page = msgspec.json.decode(await answer.body(limits.MANIFEST), type=_Tags)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    raise InvalidDocument(f"invalid list of tags: {error}") from error
                found += page.tags or []
                following = _NEXT.match(answer.headers.get("Link", ""))
                url = None if following is None else resolved(answer.url, following[1])
            if len(found) > _TAGS_MAX:
                raise InvalidDocument(f"repository has more than {_TAGS_MAX} tags")
        return found

    def blob_url(self, digest: Digest) -> str:
        """Return where a blob is asked for."""
        return f"{self._base}{self._reference.path}/blobs/{digest}"

    @asynccontextmanager
    async def blob(self, digest: Digest, offset: int) -> AsyncIterator[Answer]:
        """Begin to get a blob from byte `offset` on (status 206) or, if the registry cannot, all of it (200).

        Raises BlobUnknown and the other refusals, Unreachable.
        """
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        async with self.get(self.blob_url(digest), headers) as answer:
            if answer.status not in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
                body = await answer.body(_REFUSAL_BODY)
                if answer.status == HTTPStatus.NOT_FOUND:
                    raise BlobUnknown
                raise refused(answer.status, body, answer.headers.get("Retry-After", ""))
            yield answer

    def head(self, url: str, headers: Mapping[str, str] | None = None) -> AbstractAsyncContextManager[Answer]:
        """Ask whether something is there."""
        return self._authorized(
            lambda authorization: self._transport.head(url, headers or {}, authorization=authorization)
        )

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        body: bytes | Callable[[], AsyncIterable[bytes]] = b"",
        scopes: tuple[str, ...] = (),
    ) -> AbstractAsyncContextManager[Answer]:
        """Send what changes something; `scopes` are rights that are needed besides the usual ones."""
        return self._authorized(
            lambda authorization: self._transport.send(
                method,
                url,
                headers or {},
                authorization=authorization,
                body=body if isinstance(body, bytes) else body(),
            ),
            scopes,
        )

    async def refusal(self, answer: Answer) -> EngineError:
        """Return the error of an answer that was not what was hoped for."""
        body = await answer.body(_REFUSAL_BODY)
        if answer.status == HTTPStatus.UNAUTHORIZED and self._tokens.is_denied:
            return AccessDenied()
        return refused(answer.status, body, answer.headers.get("Retry-After", ""))

    def url(self, path: str) -> str:
        """Return the URL of a path below the repository."""
        return f"{self._base}{self._reference.path}/{path}"

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> AbstractAsyncContextManager[Answer]:
        """Ask for something."""
        return self._authorized(
            lambda authorization: self._transport.get(url, headers or {}, authorization=authorization)
        )

    @asynccontextmanager
    async def _authorized(self, request: _Request, scopes: tuple[str, ...] = ()) -> AsyncIterator[Answer]:
        scope = " ".join((self._scope, *scopes))
        authorization = await self._tokens.header(scope)
        async with request(authorization) as answer:
            if answer.status != HTTPStatus.UNAUTHORIZED:
                yield answer
                return
            self._learn(answer)
            self._tokens.forget()
            again = await self._tokens.header(scope)
            if again is None and self._tokens.wants_password:
                raise NoCredentials
            if again is None or (again == authorization and again.startswith("Basic")):
                yield answer
                return
        async with request(again) as answer:
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
