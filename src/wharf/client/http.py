"""HTTP/1.1 over one blocking socket: just what the Engine API needs, and quick to import.

A body may be sent in one piece or streamed in chunks; an answer may be read whole, piece by piece, or, after
`101 Switching Protocols`, taken over as the raw socket. Redirects, compression and pipelining are not spoken.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator

from wharf.client.errors import BrokenAnswer

RECEIVE = 64 * 1024
"""How much is asked of the kernel at a time."""

HEADER_LIMIT = 256 * 1024
"""The longest head of an answer that is read."""


class ServerClosed(BrokenAnswer):
    """The connection ended before the first byte of an answer: an idle one may be retried."""


class Connection:
    """One connection to the engine and what of it has been received but not used."""

    __slots__ = ("_buffer", "reused", "sock")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.reused = False
        self._buffer = b""

    def send(self, head: bytes, body: bytes | Iterable[bytes] | None) -> None:
        """Send a request: the head with its blank line, then `body`, an iterable of it in chunks.

        An engine that refuses an upload answers and closes before it has read all: that answer is worth
        reading, so a broken pipe is not an error here.
        """
        try:
            if body is None or isinstance(body, bytes):
                self.sock.sendall(head + (body or b""), socket.MSG_NOSIGNAL)
                return
            self.sock.sendall(head, socket.MSG_NOSIGNAL)
            for piece in body:
                if piece:
                    self.sock.sendall(b"%x\r\n%b\r\n" % (len(piece), piece), socket.MSG_NOSIGNAL)
            self.sock.sendall(b"0\r\n\r\n", socket.MSG_NOSIGNAL)
        except (BrokenPipeError, ConnectionResetError):
            if self.reused:
                raise ServerClosed("the engine closed the connection") from None

    def receive_head(self) -> tuple[int, dict[str, str]]:
        """Return status and headers (names in lower case) of the next answer, past any `100 Continue`."""
        while True:
            lines = self._head_lines()
            parts = lines[0].split(" ", 2)
            if len(parts) < 2 or not parts[0].startswith("HTTP/1.") or not parts[1].isdigit():
                raise BrokenAnswer(f"malformed HTTP response {lines[0]!r}")
            headers: dict[str, str] = {}
            for line in lines[1:]:
                name, _, value = line.partition(":")
                headers[name.strip().lower()] = value.strip()
            status = int(parts[1])
            if status == 101 or status >= 200:
                return status, headers

    def _head_lines(self) -> list[str]:
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > HEADER_LIMIT:
                raise BrokenAnswer("the answer's headers are too long")
            if not self._fill():
                raise ServerClosed("the engine closed the connection without an answer")
        head = self._buffer[:end]
        self._buffer = self._buffer[end + 4 :]
        return head.decode("latin-1").split("\r\n")

    def _fill(self) -> bool:
        try:
            received = self.sock.recv(RECEIVE)
        except ConnectionResetError:
            return False
        self._buffer += received
        return bool(received)

    @property
    def buffered(self) -> bool:
        """Whether something has been received that was not used yet."""
        return bool(self._buffer)

    def take_buffer(self) -> bytes:
        """Return what was received and not used yet; it is the caller's now."""
        taken, self._buffer = self._buffer, b""
        return taken

    def read_some(self, limit: int) -> bytes:
        """Return between 1 and `limit` bytes, or none at the end of the connection."""
        if not self._buffer and not self._fill():
            return b""
        piece = self._buffer[:limit]
        self._buffer = self._buffer[limit:]
        return piece

    def read_line(self) -> bytes:
        """Return a line without its CRLF."""
        while (end := self._buffer.find(b"\r\n")) < 0:
            if not self._fill():
                raise BrokenAnswer("unexpected EOF")
        line = self._buffer[:end]
        self._buffer = self._buffer[end + 2 :]
        return line

    def close(self) -> None:
        """End the connection."""
        self.sock.close()


class Response:
    """One answer; `connection` is busy with it until the body has been read."""

    __slots__ = ("connection", "finished", "headers", "status")

    def __init__(
        self, connection: Connection, status: int, headers: dict[str, str], *, bodyless: bool
    ) -> None:
        self.connection = connection
        self.status = status
        self.headers = headers
        self.finished = bodyless or status in (204, 304) or headers.get("content-length") == "0"

    @property
    def reusable(self) -> bool:
        """Whether the connection can carry another request once the body is read."""
        framed = "content-length" in self.headers or self._chunked or self.status in (204, 304)
        return self.finished and framed and self.headers.get("connection", "").lower() != "close"

    @property
    def _chunked(self) -> bool:
        return self.headers.get("transfer-encoding", "").lower() == "chunked"

    def pieces(self) -> Iterator[bytes]:
        """Yield the body as it arrives."""
        if self.finished:
            return
        if self._chunked:
            yield from self._chunks()
        elif "content-length" in self.headers:
            left = int(self.headers["content-length"])
            while left:
                piece = self.connection.read_some(min(left, RECEIVE))
                if not piece:
                    raise BrokenAnswer("unexpected EOF")
                left -= len(piece)
                yield piece
        else:
            while piece := self.connection.read_some(RECEIVE):
                yield piece
        self.finished = True

    def _chunks(self) -> Iterator[bytes]:
        connection = self.connection
        while True:
            size_line = connection.read_line().partition(b";")[0]
            try:
                left = int(size_line, 16)
            except ValueError:
                raise BrokenAnswer(f"malformed chunk size {size_line!r}") from None
            if not left:
                while connection.read_line():
                    pass
                return
            while left:
                piece = connection.read_some(left)
                if not piece:
                    raise BrokenAnswer("unexpected EOF")
                left -= len(piece)
                yield piece
            connection.read_line()

    def read(self) -> bytes:
        """Return the whole body."""
        return b"".join(self.pieces())

    def lines(self) -> Iterator[bytes]:
        """Yield the body's lines as they arrive, without their newlines; empty ones are left out."""
        rest = b""
        for piece in self.pieces():
            *complete, rest = (rest + piece).split(b"\n")
            for line in complete:
                if stripped := line.strip():
                    yield stripped
        if rest.strip():
            yield rest.strip()

    def close(self) -> None:
        """Give up the answer and its connection."""
        self.connection.close()

    def __enter__(self) -> Response:  # noqa: PYI034 - Self is worth no import of typing
        return self

    def __exit__(self, *_details: object) -> None:
        self.close()
