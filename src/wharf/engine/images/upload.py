"""An upload: a stream from a client, put into a nameless file before anybody looks into it."""

import os
from collections.abc import AsyncIterable

from wharf.aio.lane import Lane

_BATCH = 1024 * 1024


def temporary_file(folder: str) -> int:
    """Return a new file without a name in `folder`, open for reading and writing; gone when it is closed."""
    return os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)


async def receive(stream: AsyncIterable[bytes], fd: int, lane: Lane) -> int:
    """Write `stream` to `fd` (borrowed); return its length in bytes; raises OSError."""
    batch: list[bytes] = []
    waiting = size = 0
    async for piece in stream:
        batch.append(piece)
        waiting += len(piece)
        if waiting >= _BATCH:
            size += await lane.run(_write, fd, batch)
            batch, waiting = [], 0
    if batch:
        size += await lane.run(_write, fd, batch)
    return size


def _write(fd: int, pieces: list[bytes]) -> int:
    data = memoryview(b"".join(pieces))
    size = len(data)
    while data:
        data = data[os.write(fd, data) :]
    return size
