"""An answer that is complete when it is sent: head and body in one write, no header that was not asked for.

aiohttp's own response costs several times as much and adds a `Server` of its own. Streams use
`web.StreamResponse`.
"""

import http
import time
from typing import Final

from aiohttp import HttpVersion11, web

REASONS: Final = {status.value: status.phrase for status in http.HTTPStatus}
_STATUS_LINES: Final = {
    status: f"HTTP/1.1 {status} {reason}\r\n".encode("ascii") for status, reason in REASONS.items()
}
_BODILESS: Final = frozenset({204, 304})


class _Date:
    """The `Date` line, made anew once a second (RFC 9110, 6.6.1)."""

    second = 0
    line = b""


def _date_line() -> bytes:
    now = int(time.time())
    if now != _Date.second:
        _Date.second = now
        _Date.line = time.strftime("Date: %a, %d %b %Y %H:%M:%S GMT\r\n", time.gmtime(now)).encode("ascii")
    return _Date.line


class Answer(web.StreamResponse):
    """A whole answer. `headers` are ready lines, each with its CRLF; length and date are added."""

    def __init__(self, status: int, headers: bytes, body: bytes = b"", *, close: bool = False) -> None:
        super().__init__(status=status)
        self._lines = headers
        self._content = body
        if close:
            self.force_close()

    @property
    def content(self) -> bytes:
        """The body."""
        return self._content

    async def prepare(self, request: web.BaseRequest) -> None:
        """Send it all."""
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client is gone")
        keep_alive = request.keep_alive if self._keep_alive is None else self._keep_alive
        self._keep_alive = keep_alive
        body = self._content
        parts = [_STATUS_LINES[self.status], self._lines, _date_line()]
        if self.status not in _BODILESS:
            parts.append(b"Content-Length: %d\r\n" % len(body))
        if not keep_alive:
            parts.append(b"Connection: close\r\n")
        elif request.version != HttpVersion11:
            parts.append(b"Connection: keep-alive\r\n")
        parts.append(b"\r\n")
        if body and request.method != "HEAD":
            parts.append(body)
        transport.write(b"".join(parts))
        if transport.get_write_buffer_size():
            await request.writer.drain()

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to do."""


class Raw(web.StreamResponse):
    """Bytes that are sent as they are, and the end of the connection.

    Without bytes it stands for the answer of a request whose connection was hijacked.
    """

    def __init__(self, data: bytes = b"") -> None:
        super().__init__(status=101)
        self._data = data
        self.force_close()

    async def prepare(self, request: web.BaseRequest) -> None:
        """Send the bytes."""
        if self._data and request.transport is not None:
            request.transport.write(self._data)

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to do."""
