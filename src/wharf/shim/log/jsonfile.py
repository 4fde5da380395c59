r"""Docker's json-file log: one JSON object a line, made of a chunk of lines at a time.

    {"log":"hello\n","stream":"stdout","time":"2026-01-02T03:04:05.123456789Z"}

With labels, variables or a tag to be kept, `"attrs":{…}` stands before the time. Files are rotated as Docker
rotates: before the entry that finds the file at its limit.
"""

import os
import time

from wharf.shim.log.escape import escape
from wharf.shim.log.files import LogFiles
from wharf.shim.log.lines import LINE, Chunk, Lines

__all__ = ["LINE", "JsonFile"]

_HEAD = b'{"log":"'
_STREAMS = {1: b"stdout", 2: b"stderr"}
_SEARCHED = 256 * 1024


class JsonFile:
    """Writes to the file at `path`, which it owns from here on, at its end.

    `max_size` in bytes, 0 for no limit; `max_file` is how many files there may be in all; `attrs` is the JSON
    object that every entry carries, "" for none.
    """

    is_full = False

    __slots__ = ("_attrs", "_files", "_lines", "_second", "_second_text")

    def __init__(
        self, path: str, *, max_size: int = 0, max_file: int = 1, compress: bool = False, attrs: str = ""
    ) -> None:
        self._files = LogFiles(path, max_size=max_size, max_file=max_file, compress=compress, mend=_mend)
        self._attrs = b'"attrs":%b,' % attrs.encode() if attrs else b""
        self._lines = Lines()
        self._second = -1
        self._second_text = ""

    @property
    def lost(self) -> int:
        """How many writes the disk refused; what they held is gone."""
        return self._files.lost

    def write(self, stream: int, data: bytes, moment: int = 0) -> None:
        """Add what was read from `stream`; a line without its end waits for it."""
        if self._lines.holds_back(stream, data):
            return
        parts: list[bytes] = []
        for chunk in self._lines.feed(stream, data, moment or time.time_ns()):
            self._render(stream, chunk, parts)
        self._put(parts)

    def close(self) -> None:
        """Write the unended lines and close the file."""
        parts: list[bytes] = []
        for stream, chunk in self._lines.rest(time.time_ns()):
            self._render(stream, chunk, parts)
        self._put(parts)
        self._files.close()

    def _render(self, stream: int, chunk: Chunk, parts: list[bytes]) -> None:
        """Add the entries of `chunk` to `parts`."""
        end = b'","stream":"%b",%b"time":"%b"}\n' % (_STREAMS[stream], self._attrs, self._time(chunk.moment))
        if chunk.is_last:
            lines = escape(chunk.text[:-1])
            parts += (_HEAD, lines.replace(b"\n", b"\\n" + end + _HEAD), b"\\n", end)
        else:
            parts += (_HEAD, escape(chunk.text), end)

    def _time(self, moment: int) -> bytes:
        """Return a time as Go's RFC3339Nano: nanoseconds without trailing zeros."""
        second, nanosecond = divmod(moment, 1_000_000_000)
        if second != self._second:
            self._second = second
            self._second_text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        fraction = f".{nanosecond:09d}".rstrip("0").rstrip(".")
        return f"{self._second_text}{fraction}Z".encode()

    def _put(self, parts: list[bytes]) -> None:
        size = sum(map(len, parts))
        limit = self._files.max_size
        if limit and self._files.size + size > limit:
            self._put_rotating(b"".join(parts), limit)
        elif size:
            self._files.append(parts, size)

    def _put_rotating(self, entries: bytes, limit: int) -> None:
        """Write `entries` up to the one that fills the file, rotate, and so on."""
        start = 0
        while start < len(entries):
            if self._files.size >= limit:
                self._files.rotate()
            room = limit - self._files.size
            stop = entries.find(b"\n", start + room - 1) + 1 or len(entries)
            self._files.append([entries[start:stop]], stop - start)
            start = stop


def _mend(fd: int, size: int) -> int:
    """Return where the last line ends."""
    if os.pread(fd, 1, size - 1) == b"\n":
        return size
    offset = max(0, size - _SEARCHED)
    return offset + os.pread(fd, _SEARCHED, offset).rfind(b"\n") + 1
