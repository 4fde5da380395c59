"""One request as the routers see it: version, name in the path, query, body."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final, TypeVar
from urllib.parse import parse_qs

from aiohttp import web

from wharf import limits
from wharf.api.errors import BodyTooLarge
from wharf.errors import Internal, InvalidParameter
from wharf.http.connection import Connection
from wharf.schema.decode import decode
from wharf.schema.filters import Filters

T = TypeVar("T")

_FALSE: Final = frozenset({"", "0", "no", "false", "none"})
_BODY_TIMEOUT_S: Final = 60.0
"""How long a JSON body may take to arrive."""


class Call:
    """A request; made once per request, so it computes nothing that is not asked for."""

    __slots__ = ("_query", "_query_text", "http", "name", "version")

    def __init__(self, http: web.BaseRequest, name: str, version: int, query_text: str) -> None:
        self.http = http
        self.name = name
        self.version = version
        self._query_text = query_text
        self._query: dict[str, list[str]] | None = None

    def all_of(self, key: str) -> list[str]:
        """Return every value of a query parameter."""
        if not self._query_text:
            return []
        if self._query is None:
            self._query = parse_qs(self._query_text, keep_blank_values=True)
        return self._query.get(key, [])

    def text(self, key: str) -> str:
        """Return a query parameter, "" where it is missing."""
        values = self.all_of(key)
        return values[0] if values else ""

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return a truth: false for nothing, 0, no, false and none; `default` where it is missing."""
        values = self.all_of(key)
        return values[0].strip().lower() not in _FALSE if values else default

    def number(self, key: str) -> int | None:
        """Return a whole number, None where it is missing or empty; dockerd answers a bad one with 500."""
        text = self.text(key)
        return atoi(text) if text else None

    def filters(self) -> Filters:
        """Return the `filters`; raises InvalidParameter."""
        return Filters.parse(self.text("filters"))

    @property
    def connection(self) -> Connection:
        """The connection the request came on."""
        connection = self.http.protocol
        assert isinstance(connection, Connection), "a server that is not ours"
        return connection

    def end_with_client(self) -> None:
        """Cancel this request when its client goes away; without, the work goes on to its end."""
        task = asyncio.current_task()
        assert task is not None, "a request is a task"
        self.connection.bind(task)

    def has_body(self) -> bool:
        """Tell whether the request has a body, as far as its head says."""
        return self.http.body_exists and self.http.content_length != 0

    async def json(self, kind: type[T], *, go_type: str = "", needed: bool = False) -> T:
        """Return the body as a `kind`; no body is the zero value, unless it is `needed`.

        Raises InvalidParameter in dockerd's words, BodyTooLarge.
        """
        has_body = self.has_body()
        self._check_content_type(has_body=has_body)
        if not has_body and not needed:
            return kind()
        return decode(await self.body() if has_body else b"", kind, go_type=go_type)

    async def json_or_none(self, kind: type[T]) -> T | None:
        """Return the body as a `kind`; None where there is none, or `null`; raises as `json`."""
        has_body = self.has_body()
        self._check_content_type(has_body=has_body)
        body = await self.body() if has_body else b""
        return None if body.strip() in (b"", b"null") else decode(body, kind)

    def decoded(self, body: bytes, kind: type[T], *, go_type: str) -> T:
        """Return `body`, which was read already, as a `kind`; raises as `json` does."""
        self._check_content_type(has_body=self.has_body())
        return decode(body, kind, go_type=go_type)

    def _check_content_type(self, *, has_body: bool) -> None:
        header = self.http.headers.get("Content-Type")
        if header is None and not has_body:
            return
        media = (header or "").partition(";")[0].strip().lower()
        if not media:
            raise InvalidParameter(f"malformed Content-Type header ({header or ''}): mime: no media type")
        if media != "application/json":
            raise InvalidParameter(f"unsupported Content-Type header ({header}): must be 'application/json'")

    async def body(self) -> bytes:
        """Return the whole body; raises BodyTooLarge."""
        if (self.http.content_length or 0) > limits.REQUEST_BODY:
            raise BodyTooLarge("request body too large")
        pieces: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(_BODY_TIMEOUT_S):
                async for piece in self.stream():
                    pieces.append(piece)
                    size += len(piece)
                    if size > limits.REQUEST_BODY:
                        raise BodyTooLarge("request body too large")
        except TimeoutError:
            raise InvalidParameter("the request body did not arrive in time") from None
        return b"".join(pieces)

    @property
    def waits_to_be_asked(self) -> bool:
        """Whether the client sends its body only when told to go on (RFC 9110, section 10.1.1)."""
        return self.http.headers.get("Expect", "").lower() == "100-continue"

    async def stream(self) -> AsyncIterator[bytes]:
        """Give the body piece by piece, as it comes; asks for it where the client waits to be asked."""
        if self.waits_to_be_asked and self.http.transport is not None:
            self.http.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        content = self.http.content
        while not content.at_eof():
            if piece := await content.readany():
                yield piece


def atoi(text: str) -> int:
    """Return a whole number; raises Internal in the words of Go's `strconv.Atoi`, as dockerd does."""
    sign = text[1:] if text[:1] in "+-" else text
    if not (sign.isascii() and sign.isdigit()):
        raise Internal(f'strconv.Atoi: parsing "{text}": invalid syntax')
    number = int(text) if len(sign) < 20 else 2**63
    if not -(2**63) <= number < 2**63:
        raise Internal(f'strconv.Atoi: parsing "{text}": value out of range')
    return number


def uint(text: str, what: str) -> int:
    """Return a whole number from 0 to 65535; raises InvalidParameter that names `what`, as dockerd does."""
    if not (text.isascii() and text.isdigit()):
        raise InvalidParameter(f'invalid {what} "{text}": invalid syntax')
    if len(text) > 10 or int(text) > 0xFFFF:
        raise InvalidParameter(f'invalid {what} "{text}": value out of range')
    return int(text)


def unix_time(text: str) -> int | None:
    """Return the nanoseconds of `seconds[.nanoseconds]`, None for nothing; raises Internal (see `atoi`)."""
    if not text:
        return None
    seconds, dot, fraction = text.partition(".")
    for part in (seconds, fraction) if dot else (seconds,):
        digits = part[1:] if part[:1] in "+-" else part
        if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
            raise Internal(f'strconv.ParseInt: parsing "{part}": invalid syntax')
    return int(seconds) * 1_000_000_000 + int(fraction[:9].ljust(9, "0") if dot else 0)
