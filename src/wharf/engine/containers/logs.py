"""`logs`: what a container wrote, filtered and stamped, once or as it comes."""

import asyncio
import struct
import time
from collections.abc import AsyncIterator, Iterable

from wharf.aio.inotify import Watcher
from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.engine.logs.jsonfile import Entry, Reader, time_of
from wharf.errors import InvalidParameter
from wharf.schema.stream import LogOptions
from wharf.schema.timestamp import from_rfc3339, rfc3339_nine

READABLE_DRIVERS = {"json-file"}
_HEADER = struct.Struct(">BxxxL")


class LogStream:
    """A container's log on its way to one client: an async iterator of ready pieces of the answer's body."""

    def __init__(self, context: Context, container: Container, options: LogOptions) -> None:
        self._container = container
        self._path = context.paths.log(container.id)
        self._options = options
        self.is_tty = container.record.config.tty

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces()

    async def _pieces(self) -> AsyncIterator[bytes]:
        options = self._options
        reader = Reader(self._path, tail=options.tail if options.tail >= 0 else None)
        try:
            batches = reader.batches()
            while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                if piece := self._render(batch):
                    yield piece
            if options.follow and not self._is_over():
                with Watcher() as watcher:
                    self._close_at_exit(watcher)
                    async for batch in reader.follow(watcher):
                        if piece := self._render(batch):
                            yield piece
        finally:
            reader.close()

    def _is_over(self) -> bool:
        until = self._options.until
        return not self._container.is_alive or 0 < until <= time.time_ns()

    def _close_at_exit(self, watcher: Watcher) -> None:
        if self._container.is_alive:
            self._container.next_exit().add_done_callback(lambda _: watcher.close())
        else:
            watcher.close()

    def _render(self, batch: list[Entry]) -> bytes:
        """Return the entries of a batch that the client asked for, as it wants them."""
        options = self._options
        chosen: Iterable[Entry] = batch
        if not (options.stdout and options.stderr):
            wanted = "stdout" if options.stdout else "stderr"
            chosen = (entry for entry in chosen if entry.stream == wanted)
        if options.since or options.until:
            chosen = (entry for entry in chosen if self._is_in_time(entry))
        parts: list[bytes] = []
        pack = _HEADER.pack
        for entry in chosen:
            text = entry.log.encode("utf-8", "surrogatepass")
            if options.timestamps or options.details:
                text = self._prefix(entry) + text
            if not self.is_tty:
                parts.append(pack(entry.stream_number, len(text)))
            parts.append(text)
        return b"".join(parts)

    def _is_in_time(self, entry: Entry) -> bool:
        moment = time_of(entry)
        since, until = self._options.since, self._options.until
        return not ((since and moment < since) or (until and moment > until))

    def _prefix(self, entry: Entry) -> bytes:
        words = [rfc3339_nine(from_rfc3339(entry.time))] if self._options.timestamps else []
        if self._options.details:
            words.append(",".join(f"{key}={value}" for key, value in sorted((entry.attrs or {}).items())))
        return (" ".join(words) + " ").encode()


def logs(context: Context, container: Container, options: LogOptions) -> LogStream:
    """Return the log of a container; refuses as Docker does."""
    if not options.stdout and not options.stderr:
        raise InvalidParameter("Bad parameters: you must choose at least one stream")
    driver = container.record.host_config.log_config.type
    if driver not in READABLE_DRIVERS:
        raise InvalidParameter("configured logging driver does not support reading")
    return LogStream(context, container, options)
