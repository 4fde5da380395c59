"""One connection of the server: aiohttp's protocol, with what it lacks for hijacking.

aiohttp parses whatever follows a request as the next one. The bytes behind a request that takes its
connection over (`attach`, `exec`) belong to the container, so what follows a request is kept back until that
is answered, and handed to whoever hijacks. A client that closes its half behind a complete request still
gets its answer: for an attached client it is the end of stdin, not of the connection. A head is passed on
only once it is complete, so its size and the time it takes are known here.
"""

import asyncio
import enum
from typing import Any, Final

from aiohttp import web

from wharf import limits

_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"\r\ncontent-length:"
_CHUNKED: Final = b"\r\ntransfer-encoding:"
_KEPT_AT_MOST: Final = 64 * 1024
"""How much of what follows a request is read before that is answered; the rest waits in the kernel."""

_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Connection: close\r\n\r\n431 Request Header Fields Too Large"
)


class _State(enum.Enum):
    HEAD = enum.auto()
    """Bytes are collected until a head is complete."""
    BODY = enum.auto()
    """Bytes are a body of known length."""
    CHUNKS = enum.auto()
    """Bytes are a chunked body, whose end only aiohttp sees."""
    KEEPING = enum.auto()
    """The request is complete and not answered: bytes are kept."""


class Connection(web.RequestHandler):
    """A connection of `Server`; the `protocol` of its requests."""

    __slots__ = ("_body_left", "_bound", "_head", "_in_request", "_is_ended", "_kept", "_state", "head_since")

    def __init__(self, manager: web.Server, *, loop: asyncio.AbstractEventLoop, **options: Any) -> None:
        super().__init__(manager, loop=loop, **options)
        self._state = _State.HEAD
        self._head = b""
        self._body_left = 0
        self._kept = b""
        self._in_request = False
        self._is_ended = False
        self._bound: asyncio.Task[Any] | None = None
        self.head_since = 0.0
        """When the first byte of an incomplete head came, on the loop's clock; 0 when there is none."""

    def data_received(self, data: bytes) -> None:
        """Pass on what belongs to the present request."""
        if not data:
            super().data_received(data)  # aiohttp's way to go on with what its parser holds
        elif self._state is _State.HEAD:
            self._receive_head(data)
        elif self._state is _State.BODY:
            self._receive_body(data)
        elif self._state is _State.CHUNKS:
            super().data_received(data)
        else:
            self._keep(data)

    def _receive_head(self, data: bytes) -> None:
        if self._head:
            data = self._head + data
        size = data.find(_HEAD_END) + len(_HEAD_END)
        is_complete = size >= len(_HEAD_END)
        if (size if is_complete else len(data)) > limits.REQUEST_HEADERS:
            self._refuse_head()
            return
        if not is_complete:
            self._head = data
            self.head_since = self.head_since or asyncio.get_running_loop().time()
            return
        self._head = b""
        self.head_since = 0.0
        self._in_request = True
        head = data[:size].lower()
        if _CHUNKED in head:
            self._state = _State.CHUNKS
            super().data_received(data)
            return
        end = size + _content_length(head)
        self._body_left = max(0, end - len(data))
        self._state = _State.BODY if self._body_left else _State.KEEPING
        if len(data) > end:
            self._keep(data[end:])
        super().data_received(data[:end])

    def _receive_body(self, data: bytes) -> None:
        body, rest = data[: self._body_left], data[self._body_left :]
        self._body_left -= len(body)
        if not self._body_left:
            self._state = _State.KEEPING if self._in_request else _State.HEAD
        super().data_received(body)
        if rest:
            self.data_received(rest)

    def _refuse_head(self) -> None:
        if self.transport is not None:
            self.transport.write(_TOO_LARGE)
        self.force_close()

    def _keep(self, data: bytes) -> None:
        self._kept += data
        if len(self._kept) > _KEPT_AT_MOST and self.transport is not None:
            self.transport.pause_reading()

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio's signature, which aiohttp narrows
        """Keep the connection where a complete request is being answered: one half of it may be closed."""
        if self._state is not _State.KEEPING or self._bound is not None:
            return False
        self._is_ended = True
        return True

    def connection_lost(self, exc: BaseException | None) -> None:
        """Cancel what is bound to this connection."""
        super().connection_lost(exc)
        if self._bound is not None:
            self._bound.cancel()

    def bind(self, task: "asyncio.Task[Any]") -> None:
        """Cancel `task` when the client closes its half or goes away, until the request is answered."""
        self._bound = task
        if self._is_ended or self.transport is None:
            task.cancel()

    def take_kept(self) -> bytes:
        """Return the bytes that came behind the request, and forget them."""
        kept, self._kept = self._kept, b""
        return kept

    def finish(self, *, body_is_read: bool) -> None:
        """Say that the request is about to be answered and did not hijack: the next one may come.

        What was kept is read as HTTP. What is left of a body goes to aiohttp, which drops it.
        """
        self._bound = None
        self._in_request = False
        if self._state is _State.KEEPING or (self._state is _State.CHUNKS and body_is_read):
            self._state = _State.HEAD
        if self._is_ended and not self._kept:
            self.close()
        elif kept := self.take_kept():
            if self.transport is not None and not self._is_ended:
                self.transport.resume_reading()
            self.data_received(kept)


def _content_length(head: bytes) -> int:
    """Return the length that a head in lower case declares; 0 where it is nonsense, which aiohttp refuses."""
    start = head.find(_LENGTH)
    if start < 0:
        return 0
    digits = head[start + len(_LENGTH) : head.index(b"\r\n", start + 2)].strip()
    return int(digits) if digits.isdigit() and len(digits) < 19 else 0
