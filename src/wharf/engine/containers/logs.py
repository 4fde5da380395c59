"""`logs`: what a container wrote, read by a worker (`engine/logs/`) and passed on as it comes."""

import asyncio
import contextlib
import fcntl
import os
import time
from collections.abc import AsyncIterator

from wharf.aio.channel import wake
from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.engine.containers.log_config import readable
from wharf.engine.logs import read_job
from wharf.engine.logs.view import View
from wharf.errors import InvalidParameter, NotImplementedByEngine
from wharf.schema.stream import LogOptions
from wharf.schema.timestamp import rfc3339

_PIECE = 256 * 1024
_PIPE = 1024 * 1024


class LogStream:
    """A container's log on its way to one client: an async iterator of ready pieces of the answer's body."""

    def __init__(self, context: Context, container: Container, options: LogOptions) -> None:
        self._context = context
        self._container = container
        self._options = options
        self.is_tty = container.record.config.tty

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces()

    async def _pieces(self) -> AsyncIterator[bytes]:
        ours, theirs = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, _PIPE)
        pouring = asyncio.ensure_future(
            pour(self._context, self._container, self._options, theirs, framed=not self.is_tty)
        )
        pouring.add_done_callback(lambda _: os.close(theirs))
        try:
            while piece := await _read(ours):
                yield piece
            await pouring
        finally:
            os.close(ours)
            pouring.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(pouring, return_exceptions=True)


async def pour(
    context: Context, container: Container, options: LogOptions, target: int, *, framed: bool
) -> None:
    """Write a container's log to the descriptor `target`, which is borrowed, and return at its end."""
    kind, path = readable(context, container)
    alive, exited = os.pipe2(os.O_CLOEXEC)
    closer = contextlib.ExitStack()
    closer.callback(os.close, exited)
    follow = options.follow and not _is_over(container, options)
    if follow:
        container.next_exit().add_done_callback(lambda _: closer.close())
    view = View(
        stdout=options.stdout,
        stderr=options.stderr,
        since=_bound(options.since),
        until=_bound(options.until),
        timestamps=options.timestamps,
        details=options.details,
        framed=framed,
    )
    args = {**view._asdict(), "path": path, "format": kind, "tail": options.tail, "follow": follow}
    try:
        with closer:
            await context.spawner.job(read_job.NAME, args, [target, alive])
    finally:
        os.close(alive)


def _is_over(container: Container, options: LogOptions) -> bool:
    return not container.has_process or 0 < options.until <= time.time_ns()


def _bound(moment: int) -> str:
    return rfc3339(moment)[:-1] if moment else ""


async def _read(fd: int) -> bytes:
    """Return what is there, waiting for it; nothing at the end."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            return os.read(fd, _PIECE)
        except BlockingIOError:
            waiter = loop.create_future()
            loop.add_reader(fd, wake(waiter))
            try:
                await waiter
            finally:
                loop.remove_reader(fd)


def logs(context: Context, container: Container, options: LogOptions) -> LogStream:
    """Return the log of a container; refuses as Docker does."""
    if not options.stdout and not options.stderr:
        raise InvalidParameter("Bad parameters: you must choose at least one stream")
    check_readable(context, container)
    return LogStream(context, container, options)


def check_readable(context: Context, container: Container) -> None:
    """Refuse where the log is nowhere or only elsewhere."""
    if readable(context, container) == ("", ""):
        raise NotImplementedByEngine("configured logging driver does not support reading")
