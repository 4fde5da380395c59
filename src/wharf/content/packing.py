"""A container's tree, or what it has changed, as a stream of tar: a worker packs, this reads its pipe."""

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

from wharf.content.folders import Jobs

_PIPE = 1024 * 1024


def pack(jobs: Jobs, snapshots: str, lower: Sequence[str], *, as_layer: bool) -> AsyncGenerator[bytes, None]:
    """Yield the tar of the folders `lower` of `snapshots`, highest first, merged; the job's error comes last.

    `as_layer` gives overlayfs's whiteouts as a layer's. A consumer that leaves early ends the worker.
    """

    async def work(pipe: int) -> dict[str, object]:
        folder = os.open(snapshots, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            args = {"lower": list(lower), "as_layer": as_layer}
            return await jobs.job("content.pack", args, [folder, pipe])
        finally:
            os.close(folder)

    return poured(work)


async def poured(work: Callable[[int], Awaitable[object]]) -> AsyncGenerator[bytes, None]:
    """Yield what `work` writes to the pipe that it is given, as it comes; its error comes last.

    A consumer that leaves early cancels `work`.
    """
    read, write = os.pipe()
    with contextlib.suppress(PermissionError):  # beyond the user's limit of pipe pages: slower, not wrong
        fcntl.fcntl(read, fcntl.F_SETPIPE_SZ, _PIPE)
    task: asyncio.Task[object] | None = None
    try:
        task = asyncio.create_task(_run(work, write), name="pack")
        while piece := await _next(read):
            yield piece
        await task
    finally:
        os.close(read)
        if task is None:
            os.close(write)
        elif not task.done():
            task.cancel()
            await asyncio.wait([task])


async def _run(work: Callable[[int], Awaitable[object]], write: int) -> object:
    """Do the work; the pipe's end goes with it, so that the reader sees the end when the worker is done."""
    try:
        return await work(write)
    finally:
        os.close(write)


async def _next(fd: int) -> bytes:
    """Return what is in the pipe, once there is something; `b""` at its end."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(fd, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_reader(fd)
    return os.read(fd, _PIPE)
