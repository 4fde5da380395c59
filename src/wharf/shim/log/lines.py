"""What is read from a stream, cut into what a log keeps: whole lines, and long ones in pieces.

A line of more than 16 KiB is cut into pieces of that size, of which only the last ends in a newline; what the
end of the stream leaves unended is a piece without it. All lines of one read carry the same time, and the
pieces of one line that of the first.
"""

from typing import NamedTuple

LINE = 16 * 1024
"""The longest piece of a line, in bytes."""


class Chunk(NamedTuple):
    """Lines of one moment, in nanoseconds of the wall clock; or one piece of a line, its `ordinal` from 1."""

    moment: int
    text: bytes
    ordinal: int = 0

    @property
    def is_last(self) -> bool:
        """Whether the line ends here."""
        return self.text.endswith(b"\n")


class Lines:
    """Cuts both streams; each waits with an unended line for its end."""

    __slots__ = ("_pieces", "_tails")

    def __init__(self) -> None:
        self._tails = {1: b"", 2: b""}
        self._pieces: dict[int, tuple[int, int]] = {}
        """The moment of a long line's first piece, and how many there were."""

    def holds_back(self, stream: int, data: bytes) -> bool:
        """Take `data` if it ends no line and fills no piece: True when there is nothing to write yet."""
        tail = self._tails[stream]
        if len(tail) + len(data) >= LINE or b"\n" in data:
            return False
        self._tails[stream] = tail + data
        return True

    def feed(self, stream: int, data: bytes, moment: int) -> list[Chunk]:
        """Return what is complete with `data`, which was read at `moment`."""
        if tail := self._tails[stream]:
            data = tail + data
        chunks: list[Chunk] = []
        start = 0
        while start < len(data):
            stop = data.rfind(b"\n", start, start + LINE) + 1
            first, count = self._pieces.get(stream, (moment, 0))
            if not stop:
                if len(data) - start < LINE:
                    break
                self._pieces[stream] = first, count + 1
                stop = start + LINE
                chunks.append(Chunk(first, data[start:stop], count + 1))
            elif count:
                stop = data.find(b"\n", start) + 1
                del self._pieces[stream]
                chunks.append(Chunk(first, data[start:stop], count + 1))
            else:
                chunks.append(Chunk(moment, data[start:stop]))
            start = stop
        self._tails[stream] = data[start:]
        return chunks

    def rest(self, moment: int) -> list[tuple[int, Chunk]]:
        """Return the unended lines, each with its stream, and forget them."""
        left: list[tuple[int, Chunk]] = []
        for stream, tail in self._tails.items():
            first, count = self._pieces.pop(stream, (moment, 0))
            if tail:
                left.append((stream, Chunk(first, tail, count + 1 if count else 0)))
        self._tails = {1: b"", 2: b""}
        return left
