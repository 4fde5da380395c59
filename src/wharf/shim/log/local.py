"""The `local` log: binary, small, with no limit on what bytes it holds.

A record is a chunk of lines as it was read, or one piece of a long line:

    size of moment, stream and text: 4 bytes · moment: 8 · stream: 1 · text · the size again: 4

Numbers are big-endian; the moment is nanoseconds since 1970. The size at the end is for reading backwards.
"""

import os
import struct
import time

from wharf.shim.log.files import LogFiles
from wharf.shim.log.lines import Chunk, Lines

HEAD = struct.Struct(">IqB")
TAIL = struct.Struct(">I")
BESIDE_TEXT = HEAD.size - TAIL.size
"""How many bytes of a record's size are not text."""


class LocalFile:
    """Writes records to the file at `path`, which it owns from here on, at its end."""

    is_full = False

    def __init__(self, path: str, *, max_size: int, max_file: int, compress: bool) -> None:
        self._files = LogFiles(path, max_size=max_size, max_file=max_file, compress=compress, mend=whole_end)
        self._lines = Lines()

    def write(self, stream: int, data: bytes, moment: int = 0) -> None:
        """Add what was read from `stream`; a line without its end waits for it."""
        if self._lines.holds_back(stream, data):
            return
        for chunk in self._lines.feed(stream, data, moment or time.time_ns()):
            self._put(stream, chunk)

    def close(self) -> None:
        """Write the unended lines and close the file."""
        for stream, chunk in self._lines.rest(time.time_ns()):
            self._put(stream, chunk)
        self._files.close()

    def _put(self, stream: int, chunk: Chunk) -> None:
        if self._files.max_size and self._files.size >= self._files.max_size:
            self._files.rotate()
        size = BESIDE_TEXT + len(chunk.text)
        record = [HEAD.pack(size, chunk.moment, stream), chunk.text, TAIL.pack(size)]
        self._files.append(record, TAIL.size + size + TAIL.size)


def whole_end(fd: int, size: int) -> int:
    """Return where the last whole record ends; walks through them only where the last is not whole."""
    if size >= TAIL.size:
        (last,) = TAIL.unpack(os.pread(fd, TAIL.size, size - TAIL.size))
        start = size - last - 2 * TAIL.size
        if start >= 0 and last >= BESIDE_TEXT and os.pread(fd, TAIL.size, start) == TAIL.pack(last):
            return size
    offset = 0
    while len(head := os.pread(fd, TAIL.size, offset)) == TAIL.size:
        (length,) = TAIL.unpack(head)
        end = offset + length + 2 * TAIL.size
        if length < BESIDE_TEXT or end > size or os.pread(fd, TAIL.size, end - TAIL.size) != head:
            break
        offset = end
    return offset
