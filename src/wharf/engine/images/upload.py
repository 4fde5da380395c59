"""An upload: a stream from a client, put into a nameless file before anybody looks into it."""

import asyncio
import contextlib
import errno
import os
import secrets
from collections.abc import AsyncIterable

from wharf.aio.lane import Lane
from wharf.content.trouble import trouble

_BATCH = 1024 * 1024


def temporary_file(folder: str) -> int:
    """Return a new file without a name in `folder`, gone when it is closed; raises Internal."""
    with trouble("receive an upload"):
        try:
            return os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            if error.errno not in (
                errno.EOPNOTSUPP,
                errno.EISDIR,
            ):  # open(2), O_TMPFILE: what some file systems say
                raise
        path = f"{folder}/{secrets.token_hex(8)}"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        os.unlink(path)
        return fd


async def receive(stream: AsyncIterable[bytes], fd: int, lane: Lane) -> int:
    """Write `stream` to `fd` (borrowed); return its length in bytes; raises Internal."""
    batch: list[bytes] = []
    waiting = size = 0
    writing: asyncio.Task[int] | None = None
    try:
        async for piece in stream:
            batch.append(piece)
            waiting += len(piece)
            if waiting >= _BATCH:
                # One batch is written while the next one comes.
                size += await writing if writing is not None else 0
                writing = asyncio.create_task(lane.run(_write, fd, batch), name="receive")
                batch, waiting = [], 0
        size += await writing if writing is not None else 0
        return size + (await lane.run(_write, fd, batch) if batch else 0)
    finally:
        if writing is not None:
            await _settled(writing)


async def _settled(writing: "asyncio.Task[int]") -> None:
    """Return when the file is not written to any more, however often the caller is cancelled meanwhile."""
    while not writing.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([writing])
    if not writing.cancelled():
        writing.exception()  # seen: it has been raised, or something else is what is reported


def _write(fd: int, pieces: list[bytes]) -> int:
    data = memoryview(b"".join(pieces))
    size = len(data)
    with trouble("receive an upload"):
        while data:
            data = data[os.write(fd, data) :]
    return size
