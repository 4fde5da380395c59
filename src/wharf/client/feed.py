"""A streamed answer read as it comes, without waiting: for those who watch several at once with select(2)."""

from __future__ import annotations

import socket

from wharf.client.errors import BrokenAnswer
from wharf.client.http import RECEIVE, Response


class Feed:
    """The lines of an answer's body that are there by now; `ended` when no more will come."""

    __slots__ = ("_chunked", "_left", "_raw", "_rest", "ended", "response")

    def __init__(self, response: Response) -> None:
        self.response = response
        self.ended = response.finished
        self._chunked = response.headers.get("transfer-encoding", "").lower() == "chunked"
        length = response.headers.get("content-length", "")
        self._left = int(length) if length.isdigit() and not self._chunked else 0
        self._raw = response.connection.take_buffer()
        self._rest = b""

    @property
    def sock(self) -> socket.socket:
        """What to wait for."""
        return self.response.connection.sock

    def lines(self) -> list[bytes]:
        """Return the complete lines that have arrived; never waits. A broken connection is an end."""
        if not self.ended:
            self._receive()
        body = self._body()
        *complete, self._rest = (self._rest + body).split(b"\n")
        if self.ended and self._rest:
            complete.append(self._rest)
            self._rest = b""
        return [line for line in complete if line.strip()]

    def close(self) -> None:
        """Give the answer up."""
        self.ended = True
        self.response.close()

    def _receive(self) -> None:
        try:
            received = self.sock.recv(RECEIVE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        self._raw += received
        self.ended = not received

    def _body(self) -> bytes:
        """Take what is body out of what was received."""
        if not self._chunked:
            body, self._raw = self._raw, b""
            if self._left:
                self._left -= len(body)
                self.ended = self.ended or self._left <= 0
            return body
        parts: list[bytes] = []
        while True:
            if self._left:
                part = self._raw[: self._left]
                parts.append(part)
                self._raw = self._raw[len(part) :]
                self._left -= len(part)
            line, end, rest = self._raw.partition(b"\r\n")
            if self._left or not end:
                return b"".join(parts)
            self._raw = rest
            if not line:
                continue  # the end of a chunk
            try:
                self._left = int(line.partition(b";")[0], 16)
            except ValueError:
                raise BrokenAnswer(f"malformed chunk size {line!r}") from None
            if not self._left:
                self.ended = True
                return b"".join(parts)
