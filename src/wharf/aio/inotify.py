"""File events on the loop: for whoever follows a log file or waits for a file to appear."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

from wharf.aio.channel import wake
from wharf.linux import inotify
from wharf.linux.inotify import Event, Mask

__all__ = ["Event", "Mask", "Watcher"]


class Watcher:
    """An inotify descriptor; iterate over it for events. A context manager.

    `for` ends when `close` is called. An overflow of the kernel's queue is an event with `Mask.Q_OVERFLOW`:
    look at everything again.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._fd = inotify.init()
        self._waiter: asyncio.Future[None] | None = None

    def watch(self, path: str, mask: Mask) -> int:
        """Watch `path`; returns the number that its events carry. Raises OSError."""
        return inotify.add_watch(self._fd, path, mask)

    def unwatch(self, watch: int) -> None:
        """End a watch; harmless when it ended by itself, as it does when its file is deleted."""
        try:
            inotify.remove_watch(self._fd, watch)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise

    async def __aiter__(self) -> AsyncIterator[Event]:
        while self._fd >= 0:
            try:
                events = inotify.read(self._fd)
            except BlockingIOError:
                await self._readable()
                continue
            for event in events:
                yield event

    async def _readable(self) -> None:
        waiter = self._waiter = self._loop.create_future()
        self._loop.add_reader(self._fd, wake(waiter))
        try:
            await waiter
        finally:
            if self._fd >= 0:
                self._loop.remove_reader(self._fd)
            self._waiter = None

    def close(self) -> None:
        """End all watches and the iteration; harmless when done already."""
        if self._fd < 0:
            return
        self._loop.remove_reader(self._fd)
        os.close(self._fd)
        self._fd = -1
        if self._waiter:
            wake(self._waiter)()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
