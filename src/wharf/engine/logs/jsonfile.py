"""Reading json-file logs: from the tail, since a time, following the file as it grows and rotates.

A log is `path` and, older, `path.1`, `path.2`, … Entries are handed out in batches, since a log of millions
of lines is read at the speed of its largest steps.
"""

import os
from collections.abc import AsyncIterator, Iterator

import msgspec

from wharf.aio.inotify import Mask, Watcher
from wharf.schema.timestamp import from_rfc3339

_CHUNK = 1024 * 1024
_STREAMS = {"stdout": 1, "stderr": 2}


class Entry(msgspec.Struct, gc=False):
    """One line of a container's output, or one part of a long one (then without the newline)."""

    log: str = ""
    stream: str = ""
    time: str = ""
    attrs: dict[str, str] | None = None

    @property
    def stream_number(self) -> int:
        """1 for stdout, 2 for stderr."""
        return _STREAMS.get(self.stream, 1)


_decoder = msgspec.json.Decoder(type=Entry)


def decode(lines: bytes) -> list[Entry]:
    """Return the entries of whole lines; a line that a crash cut short is passed over."""
    try:
        return _decoder.decode_lines(lines)
    except msgspec.DecodeError:
        found = []
        for line in lines.splitlines():
            try:
                found.append(_decoder.decode(line))
            except msgspec.DecodeError:
                continue
        return found


def _files(path: str) -> list[str]:
    """Return the files of a log that exist, oldest first."""
    older = []
    number = 1
    while os.path.exists(f"{path}.{number}"):
        older.append(f"{path}.{number}")
        number += 1
    return [*reversed(older), path]


def _tail_offset(descriptor: int, lines: int) -> tuple[int, int]:
    """Return the offset where the last `lines` entries begin, and how many there are from there."""
    end = position = os.fstat(descriptor).st_size
    counted = 0
    while position > 0:
        start = max(0, position - 64 * 1024)
        block = os.pread(descriptor, position - start, start)
        at = len(block) - (1 if position == end and block.endswith(b"\n") else 0)
        while (at := block.rfind(b"\n", 0, at)) >= 0:
            counted += 1
            if counted == lines:
                return start + at + 1, lines
        position = start
    return 0, counted + (1 if end else 0)


class Reader:
    """One reading of a log; `batches` gives what is there, `follow` what comes."""

    def __init__(self, path: str, *, tail: int | None) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._rest = b""
        self._starts = self._plan(tail)

    def _plan(self, tail: int | None) -> list[tuple[int, int]]:
        """Open the files to read and find where to begin in each, so that rotation cannot pull them away."""
        starts: list[tuple[int, int]] = []
        wanted = tail
        for name in reversed(_files(self._path)):
            try:
                descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            except FileNotFoundError:
                continue
            offset = 0
            if wanted is not None:
                if wanted > 0:
                    offset, found = _tail_offset(descriptor, wanted)
                    wanted -= found
                else:
                    offset = os.fstat(descriptor).st_size
            starts.insert(0, (descriptor, offset))
            if wanted is not None and wanted <= 0:
                break
        return starts

    def batches(self) -> Iterator[list[Entry]]:
        """Return what the log holds now; blocking reads of 1 MiB each."""
        while self._starts:
            descriptor, offset = self._starts.pop(0)
            self._use(descriptor)
            os.lseek(descriptor, offset, os.SEEK_SET)
            yield from self._drain()

    def _use(self, descriptor: int) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = descriptor
        self._rest = b""

    def _drain(self) -> Iterator[list[Entry]]:
        """Return the whole lines from here to the end of the file."""
        if self._descriptor is None:
            return
        while chunk := os.read(self._descriptor, _CHUNK):
            whole, newline, rest = (self._rest + chunk).rpartition(b"\n")
            self._rest = rest
            if newline:
                yield decode(whole)

    def new(self) -> Iterator[list[Entry]]:
        """Return what was added since, across a rotation."""
        yield from self._drain()
        while self._was_rotated():
            try:
                self._use(os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW))
            except FileNotFoundError:
                return
            yield from self._drain()

    def _was_rotated(self) -> bool:
        try:
            now = os.stat(self._path, follow_symlinks=False)
        except FileNotFoundError:
            return False
        if self._descriptor is None:
            return True
        mine = os.fstat(self._descriptor)
        return (now.st_dev, now.st_ino) != (mine.st_dev, mine.st_ino)

    async def follow(self, watcher: Watcher) -> AsyncIterator[list[Entry]]:
        """Give what is added, for ever; ends when `watcher` is closed, after a last look."""
        folder, name = os.path.split(self._path)
        watcher.watch(folder, Mask.MODIFY | Mask.CREATE | Mask.MOVED_TO)
        for batch in self.new():
            yield batch
        async for event in watcher:
            if event.name and not event.name.startswith(name):
                continue
            for batch in self.new():
                yield batch
        for batch in self.new():
            yield batch

    def close(self) -> None:
        """Close the files."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        while self._starts:
            os.close(self._starts.pop()[0])


def time_of(entry: Entry) -> int:
    """Return an entry's time in nanoseconds of the wall clock."""
    return from_rfc3339(entry.time)
