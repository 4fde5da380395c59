r"""Docker's json-file log: one JSON object a line, made of a chunk of lines at a time.

    {"log":"hello\n","stream":"stdout","time":"2026-01-02T03:04:05.123456789Z"}

A line of more than 16 KiB is cut into entries of that size, of which only the last ends in \n; what the end
of the stream leaves unended is an entry without it. All entries of one read carry the same time, and the
pieces of one line that of the first. Files are rotated (path, path.1, ...) as Docker rotates: before the
entry that finds the file at its limit.
"""

import os
import time

from wharf.failpoint import failpoint
from wharf.shim.log.escape import escape

LINE = 16 * 1024
"""The longest piece of a line, in bytes."""

_MODE = 0o640
_HEAD = b'{"log":"'
_STREAMS = {1: b"stdout", 2: b"stderr"}
_SEARCHED = 256 * 1024


class JsonFile:
    """Writes to the file at `path`, which it owns from here on, at its end.

    `max_size` in bytes, 0 for no limit; `max_file` is how many files there may be in all.
    """

    def __init__(self, path: str, *, max_size: int = 0, max_file: int = 1) -> None:
        self._path = path
        self._max_size = max_size
        self._max_file = max_file
        self._tails = {1: b"", 2: b""}
        self._pieces: dict[int, bytes] = {}
        self._second = -1
        self._second_text = ""
        self._fd, self._size = _open(path)
        self.lost = 0
        """How many writes the disk refused; what they held is gone."""

    def write(self, stream: int, data: bytes) -> None:
        """Add what was read from `stream`; a line without its end waits for it."""
        tail = self._tails[stream]
        if len(tail) + len(data) < LINE and b"\n" not in data:
            self._tails[stream] = tail + data
            return
        parts: list[bytes] = []
        rest = self._render(stream, tail + data if tail else data, self._end(stream, self._now()), parts)
        self._tails[stream] = rest
        self._put(parts)

    def close(self) -> None:
        """Write the unended lines and close the file."""
        parts: list[bytes] = []
        for stream, tail in self._tails.items():
            if tail:
                end = self._pieces.pop(stream, None) or self._end(stream, self._now())
                parts += (_HEAD, escape(tail), end)
        self._put(parts)
        self._tails = {1: b"", 2: b""}
        os.close(self._fd)

    def _render(self, stream: int, data: bytes, end: bytes, parts: list[bytes]) -> bytes:
        """Add the entries of `data` to `parts`, each closed by `end`; return what waits for more."""
        start = 0
        while start < len(data):
            stop = data.rfind(b"\n", start, start + LINE) + 1
            first = self._pieces.get(stream)
            if not stop:
                if len(data) - start < LINE:
                    break
                self._pieces[stream] = first or end
                parts += (_HEAD, escape(data[start : start + LINE]), first or end)
                start += LINE
            elif first:
                stop = data.find(b"\n", start) + 1
                parts += (_HEAD, escape(data[start : stop - 1]), b"\\n", first)
                del self._pieces[stream]
                start = stop
            else:
                lines = escape(data[start : stop - 1])
                parts += (_HEAD, lines.replace(b"\n", b"\\n" + end + _HEAD), b"\\n", end)
                start = stop
        return data[start:]

    def _now(self) -> bytes:
        """Return the time as Go's RFC3339Nano: nanoseconds without trailing zeros."""
        second, nanosecond = divmod(time.time_ns(), 1_000_000_000)
        if second != self._second:
            self._second = second
            self._second_text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        fraction = f".{nanosecond:09d}".rstrip("0").rstrip(".")
        return f"{self._second_text}{fraction}Z".encode()

    @staticmethod
    def _end(stream: int, now: bytes) -> bytes:
        return b'","stream":"' + _STREAMS[stream] + b'","time":"' + now + b'"}\n'

    def _put(self, parts: list[bytes]) -> None:
        size = sum(map(len, parts))
        if self._max_size and self._size + size > self._max_size:
            self._put_rotating(b"".join(parts))
        elif size:
            self._append(parts, size)

    def _put_rotating(self, entries: bytes) -> None:
        """Write `entries` up to the one that fills the file, rotate, and so on."""
        start = 0
        while start < len(entries):
            if self._size >= self._max_size:
                self._rotate()
            room = self._max_size - self._size
            stop = entries.find(b"\n", start + room - 1) + 1 or len(entries)
            self._append([entries[start:stop]], stop - start)
            start = stop

    def _append(self, parts: list[bytes], size: int) -> None:
        """Write `parts` whole or not at all; what a full disk took of them is cut off again."""
        try:
            failpoint("shim.log")
            written = os.writev(self._fd, parts)
        except OSError:
            written = -1
        if written == size:
            self._size += size
            return
        self.lost += 1
        if written > 0:
            os.ftruncate(self._fd, self._size)

    def _rotate(self) -> None:
        os.close(self._fd)
        failpoint("shim.log.rotate")
        try:
            if self._max_file < 2:
                os.truncate(self._path, 0)
            else:
                for number in range(self._max_file - 1, 1, -1):
                    _rename(f"{self._path}.{number - 1}", f"{self._path}.{number}")
                _rename(self._path, f"{self._path}.1")
        finally:
            self._fd, self._size = _open(self._path)


def _rename(old: str, new: str) -> None:
    try:
        os.rename(old, new)
    except FileNotFoundError:
        return


def _open(path: str) -> tuple[int, int]:
    """Open the log to append to it and return it with its size; half an entry at its end is cut off.

    A power cut can leave one.
    """
    fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _MODE)
    size = os.fstat(fd).st_size
    if size and os.pread(fd, 1, size - 1) != b"\n":
        offset = max(0, size - _SEARCHED)
        size = offset + os.pread(fd, _SEARCHED, offset).rfind(b"\n") + 1
        os.ftruncate(fd, size)
    return fd, size
