"""The job `logs`: reads a log and writes it to a descriptor as its client wants it, once or as it grows.

It is done in a worker, so that a log of millions of lines holds nothing else up. Arguments: `path`, `format`,
`tail` (-1 for all), `follow`, and the fields of `View`. Descriptors: where to write (a pipe, or a client's
socket), and a pipe that ends when the container does: then what is there is read, and that is the end. Who
closes the other side of the first ends the job.
"""

import contextlib
import os
import select
from collections.abc import Iterator

from wharf.content.outcome import Job, Tell, integer, job
from wharf.engine.logs.entries import DECODERS, Decoder, Run
from wharf.engine.logs.files import LogFile, after, is_live, open_all
from wharf.engine.logs.view import View
from wharf.linux import inotify
from wharf.linux.inotify import Mask

NAME = "logs"

_CHUNK = 256 * 1024


class ClientGone(Exception):
    """Nobody reads any more."""


class Reader:
    """One reading of the log at `path`; holds the file that it is at."""

    def __init__(self, path: str, decoder: Decoder) -> None:
        self.path = path
        self._decoder = decoder
        self._file: LogFile | None = None
        self._offset = 0

    def past(self, tail: int) -> Iterator[list[Run]]:
        """Give what the log holds now, its last `tail` entries or all (-1)."""
        files = open_all(self.path)
        first, offset, skipped = self._begin(files, tail)
        for file in files[:first]:
            file.close()
        for file in files[first:]:
            self._use(file, offset)
            offset = 0
            for batch in self._rest():
                yield _without(batch, skipped)
                skipped = 0  # they are in the first record

    def _begin(self, files: list[LogFile], tail: int) -> tuple[int, int, int]:
        """Return with which file to begin, where in it, and how many entries to pass over there."""
        if tail < 0:
            return 0, 0, 0
        for number in range(len(files) - 1, -1, -1):
            fd = files[number].plain()
            offset, skipped, found = self._decoder.tail(fd, os.fstat(fd).st_size, tail)
            tail -= found
            if tail <= 0:
                return number, offset, skipped
        return 0, 0, 0

    def _use(self, file: LogFile, offset: int = 0) -> None:
        if self._file is not None:
            self._file.close()
        self._file, self._offset = file, offset

    def _rest(self) -> Iterator[list[Run]]:
        """Give the whole entries from here to the end of the file."""
        if self._file is None:
            return
        fd, size = self._file.plain(), _CHUNK
        if os.fstat(fd).st_size < self._offset:
            self._offset = 0  # somebody has made it empty
        while chunk := os.pread(fd, size, self._offset):
            whole = self._decoder.split(chunk)
            if not whole and len(chunk) < size:
                return
            if not whole:
                size *= 2
                continue
            self._offset += whole
            size = _CHUNK
            yield self._decoder.runs(chunk[:whole])

    def new(self) -> Iterator[list[Run]]:
        """Give what was added since, across any number of rotations."""
        yield from self._rest()
        while not is_live(self.path, self._file.inode if self._file else -1):
            _, files = after(self.path, self._file.inode if self._file else -1)
            yield from self._rest()  # written between the look before and the rotation
            for file in files:
                self._use(file)
                yield from self._rest()


def _without(runs: list[Run], skipped: int) -> list[Run]:
    """Return the runs without the first entries of the first one."""
    if not skipped or not runs:
        return runs
    return [runs[0]._replace(texts=runs[0].texts[skipped:]), *runs[1:]]


class Sink:
    """Where the log is written, which may be in non-blocking mode."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def write(self, data: bytes) -> None:
        """Write all of `data`; raises ClientGone."""
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self.fd, view) :]
            except BlockingIOError:
                select.select([], [self.fd], [])
            except OSError as error:
                raise ClientGone from error


def _read(args: dict[str, object], fds: list[int], tell: Tell) -> dict[str, object]:
    del tell  # the log itself is the progress
    out, alive = fds
    view = View(**{name: args[name] for name in View._fields})  # type: ignore[arg-type]  # wharfd's own fields
    reader, sink = Reader(str(args["path"]), DECODERS[str(args["format"])]), Sink(out)
    with contextlib.suppress(ClientGone):
        _pour(reader, view, sink, alive, tail=integer(args, "tail"), follow=bool(args["follow"]))
    return {}


def _pour(reader: Reader, view: View, sink: Sink, alive: int, *, tail: int, follow: bool) -> None:
    changes = inotify.init()
    if follow:
        inotify.add_watch(changes, os.path.dirname(reader.path), Mask.MODIFY | Mask.CREATE | Mask.MOVED_TO)
    for batch in reader.past(tail):
        sink.write(view.render(batch))
        if view.is_past(batch):
            return
    poll = select.poll()
    poll.register(changes, select.POLLIN)
    poll.register(alive, 0)
    poll.register(sink.fd, 0)
    while follow:
        ready = dict(poll.poll())
        if sink.fd in ready:
            raise ClientGone
        if changes in ready:
            inotify.read(changes)
        for batch in reader.new():
            sink.write(view.render(batch))
            if view.is_past(batch):
                return
        follow = alive not in ready


JOBS: dict[str, Job] = {NAME: job(_read)}
