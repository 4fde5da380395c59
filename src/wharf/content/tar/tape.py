"""A stream of bytes read forwards, once: what the tar reader stands on.

It promises that nothing larger than one chunk of the source plus what is asked for is ever in memory, and
that an end in the wrong place is an error.
"""

import os
from collections.abc import Callable, Iterator

from wharf.content.tar.header import BadArchive

TAKE_MAX = 4 * 1024 * 1024
"""The most that may be asked for in one piece."""

_CHUNK = 256 * 1024


class Truncated(BadArchive):
    """The bytes end inside of something."""

    def __init__(self) -> None:
        super().__init__("unexpected EOF")


class Tape:
    """Bytes from `read()`, which returns the next ones, of any length, and `b""` at the end."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._read = read
        self._chunk = b""
        self._at = 0
        self._before = 0

    @property
    def offset(self) -> int:
        """How many bytes have been taken."""
        return self._before + self._at

    def take(self, count: int) -> bytes:
        """Return exactly `count` bytes (at most TAKE_MAX); raises Truncated."""
        end = self._at + count
        if end <= len(self._chunk):
            piece = self._chunk[self._at : end]
            self._at = end
            return piece
        assert count <= TAKE_MAX
        return b"".join(self.chunks(count))

    def take_or_end(self, count: int) -> bytes:
        """Return exactly `count` bytes, or nothing when the stream has ended here; raises Truncated."""
        return self.take(count) if self._at < len(self._chunk) or self._fill() else b""

    def chunks(self, count: int) -> Iterator[memoryview | bytes]:
        """Yield the next `count` bytes in pieces as they come; raises Truncated."""
        while count:
            if self._at >= len(self._chunk) and not self._fill():
                raise Truncated
            end = min(self._at + count, len(self._chunk))
            piece = memoryview(self._chunk)[self._at : end]
            count -= len(piece)
            self._at = end
            yield piece

    def skip(self, count: int) -> None:
        """Pass over `count` bytes; raises Truncated."""
        for _ in self.chunks(count):
            pass

    def drain(self) -> None:
        """Read to the end of the source, so that whatever measures it has seen all of it."""
        while self._fill():
            pass

    def _fill(self) -> bool:
        self._before += len(self._chunk)
        self._at = 0
        self._chunk = self._read()
        return bool(self._chunk)


class FileTape(Tape):
    """A tape over a file's range that passes over what is not wanted without reading it."""

    def __init__(self, fd: int, offset: int = 0, size: int | None = None) -> None:
        """Read `fd` (borrowed, its position is left alone) from `offset` for `size` bytes, or to its end."""
        super().__init__(self._next)
        self._fd = fd
        self._position = offset
        self._end = os.fstat(fd).st_size if size is None else offset + size

    def skip(self, count: int) -> None:
        """Pass over `count` bytes; raises Truncated."""
        buffered = len(self._chunk) - self._at
        if count <= buffered:
            self._at += count
            return
        count -= buffered
        if self._position + count > self._end:
            raise Truncated
        self._before += len(self._chunk) + count
        self._position += count
        self._chunk = b""
        self._at = 0

    def pour(self, count: int, fd: int) -> None:
        """Write the next `count` bytes to the file `fd` (borrowed), in the kernel; raises Truncated."""
        buffered = self._chunk[self._at : self._at + count]
        self._at += len(buffered)
        rest = memoryview(buffered)
        while rest:
            rest = rest[os.write(fd, rest) :]
        count -= len(buffered)
        while count:
            done = os.sendfile(fd, self._fd, self._position, min(count, self._end - self._position))
            if not done:
                raise Truncated
            self._position += done
            self._before += done
            count -= done

    def _next(self) -> bytes:
        want = min(_CHUNK, self._end - self._position)
        chunk = os.pread(self._fd, want, self._position) if want > 0 else b""
        self._position += len(chunk)
        return chunk
