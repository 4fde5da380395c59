"""Taking apart the stream in which an engine sends stdout and stderr together.

Each frame has eight header bytes: the stream's number (0 stdin, 1 stdout, 2 stderr, 3 an error of the
engine), three zeros, and the length of what follows, big-endian.
"""

from __future__ import annotations

from wharf.client.errors import BrokenAnswer, ClientError

STDOUT, STDERR, SYSTEM = 1, 2, 3


class Frames:
    """Fed with what arrives, gives back what belongs to which stream; frames may come in pieces."""

    __slots__ = ("_header", "_left", "_stream", "_system")

    def __init__(self) -> None:
        self._header = b""
        self._stream = 0
        self._left = 0
        self._system = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Return the (stream, content) pieces in `data`; stream is STDOUT or STDERR.

        Raises:
            ClientError: the engine sent an error of its own in the stream.
            BrokenAnswer: this is no such stream.
        """
        pieces: list[tuple[int, bytes]] = []
        at, end = 0, len(data)
        while at < end:
            if not self._left:
                missing = 8 - len(self._header)
                self._header += data[at : at + missing]
                at += missing
                if len(self._header) < 8:
                    break
                self._stream = self._header[0]
                self._left = int.from_bytes(self._header[4:], "big")
                if self._stream > SYSTEM:
                    raise BrokenAnswer(f"Unrecognized input header: {self._stream}")
                self._header = b""
                continue
            piece = data[at : at + self._left]
            at += len(piece)
            self._left -= len(piece)
            if self._stream == SYSTEM:
                self._system += piece
                if not self._left:
                    text = self._system.decode("utf-8", "replace")
                    raise ClientError(f"error from daemon in stream: {text}")
            else:
                pieces.append((STDERR if self._stream == STDERR else STDOUT, piece))
        return pieces
