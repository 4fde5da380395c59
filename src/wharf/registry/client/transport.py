"""HTTP to one registry: what is sent where, redirects, limits on answers, and failures in Docker's words.

The `Authorization` header is bound to the origin it was made for (scheme, host, port). A redirect to another
origin is followed without it, and none from https to http (CVE-2020-15157, CVE-2021-41092).
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from ssl import SSLContext
from urllib.parse import urljoin

import aiohttp
from multidict import CIMultiDictProxy

from wharf.errors import InvalidParameter
from wharf.registry.client.go_words import describe
from wharf.registry.client.tls import context_for
from wharf.registry.errors import Unreachable
from wharf.registry.host import Host, Origin
from wharf.registry.settings import RegistrySettings

_REDIRECTS = 10
_CONNECT_S = 30.0


class Answer:
    """An answer whose body has not been read yet."""

    def __init__(self, response: aiohttp.ClientResponse, url: str) -> None:
        self._response = response
        self.url = url

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._response.status

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """The headers, by name in any case."""
        return self._response.headers

    async def body(self, limit: int) -> bytes:
        """Return the body, at most `limit` bytes and one: more means that it is longer."""
        parts: list[bytes] = []
        size = 0
        async for part in self.parts():
            parts.append(part)
            size += len(part)
            if size > limit:
                break
        return b"".join(parts)[: limit + 1]

    async def parts(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes; raises Unreachable when it stops before its end."""
        try:
            while part := await self._response.content.readany():
                yield part
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            origin = Origin.of(self.url)
            raise Unreachable("Get", self.url, describe(error, origin.host, origin.port)) from error


class Transport:
    """Connections to one host (and to where it redirects); ended by `close`."""

    def __init__(self, host: Host, settings: RegistrySettings) -> None:
        self.host = host
        self.origin = Origin.of(host.base)
        self._tls: SSLContext | bool = True
        if self.origin.scheme == "https":
            self._tls = context_for(host, settings.certificates)
        self._stall_s = settings.stall_s
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S, sock_read=settings.stall_s),
            headers={"User-Agent": settings.user_agent, "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    @asynccontextmanager
    async def get(
        self, url: str, headers: Mapping[str, str], *, authorization: str | None = None
    ) -> AsyncIterator[Answer]:
        """Send a GET for an absolute URL and follow redirects; raises Unreachable."""
        async with self._follow("GET", url, headers, authorization) as answer:
            yield answer

    @asynccontextmanager
    async def head(
        self, url: str, headers: Mapping[str, str], *, authorization: str | None = None
    ) -> AsyncIterator[Answer]:
        """Send a HEAD for an absolute URL and follow redirects; raises Unreachable."""
        async with self._follow("HEAD", url, headers, authorization) as answer:
            yield answer

    @asynccontextmanager
    async def _follow(
        self, method: str, url: str, headers: Mapping[str, str], authorization: str | None
    ) -> AsyncIterator[Answer]:
        asked = Origin.of(url)
        for _ in range(_REDIRECTS):
            origin = Origin.of(url)
            sent = dict(headers)
            if authorization is not None and origin == asked:
                sent["Authorization"] = authorization
            response = await self._send(method, url, origin, sent)
            try:
                location = response.headers.get("Location")
                if response.status not in {301, 302, 303, 307, 308} or location is None:
                    yield Answer(response, url)
                    return
            finally:
                response.release()
            target = resolved(url, location)
            if origin.scheme == "https" and Origin.of(target).scheme != "https":
                raise Unreachable(method.capitalize(), url, "refusing a redirect from https to http")
            url = target
        raise Unreachable(method.capitalize(), url, f"stopped after {_REDIRECTS} redirects")

    @asynccontextmanager
    async def post(self, url: str, form: Mapping[str, str]) -> AsyncIterator[Answer]:
        """Send a form, which may hold secrets: redirects are not followed; raises Unreachable."""
        response = await self._send("POST", url, Origin.of(url), {}, form)
        try:
            yield Answer(response, url)
        finally:
            response.release()

    @asynccontextmanager
    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        authorization: str | None = None,
        body: bytes | AsyncIterable[bytes] = b"",
    ) -> AsyncIterator[Answer]:
        """Send what changes something; redirects are not followed, credentials stay with the registry.

        A registry that stops taking a body in the middle is given up after the time it may be silent.
        Raises Unreachable.
        """
        origin = Origin.of(url)
        if self.origin.scheme == "https" and origin.scheme != "https":
            raise Unreachable(method.capitalize(), url, "refusing to go from https to http")
        sent = dict(headers)
        if authorization is not None and origin == self.origin:
            sent["Authorization"] = authorization
        if isinstance(body, bytes):
            response = await self._send(method, url, origin, sent, body)
        else:
            try:
                async with asyncio.timeout(self._stall_s) as limit:
                    response = await self._send(
                        method, url, origin, sent, _watched(body, limit, self._stall_s)
                    )
            except TimeoutError as error:
                raise Unreachable(method.capitalize(), url, "write: i/o timeout") from error
        try:
            yield Answer(response, url)
        finally:
            response.release()

    async def _send(
        self,
        method: str,
        url: str,
        origin: Origin,
        headers: Mapping[str, str],
        data: Mapping[str, str] | bytes | AsyncIterable[bytes] | None = None,
    ) -> aiohttp.ClientResponse:
        # Certificates are only left unchecked where the settings say so: at this host, not where it leads to.
        tls = self._tls if origin == self.origin else True
        try:
            return await self._session.request(
                method, url, headers=headers, data=data, allow_redirects=False, ssl=tls
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            cause = describe(error, origin.host, origin.port)
            raise Unreachable(method.capitalize(), url, cause) from error


async def _watched(
    body: AsyncIterable[bytes], limit: asyncio.Timeout, stall_s: float
) -> AsyncIterator[bytes]:
    """Yield `body`, giving the registry `stall_s` more for each piece it takes, and twice that to answer."""
    loop = asyncio.get_running_loop()
    async for piece in body:
        limit.reschedule(loop.time() + stall_s)
        yield piece
    limit.reschedule(loop.time() + 2 * stall_s)


def resolved(url: str, location: str) -> str:
    """Return where the `Location` of an answer leads; raises InvalidParameter."""
    try:
        return urljoin(url, location)
    except ValueError:
        raise InvalidParameter(f"invalid URL: {location!r}") from None
