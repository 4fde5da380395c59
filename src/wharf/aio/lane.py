"""Lanes: bounded sets of threads, one for each kind of blocking work."""

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Lane:
    """At most `width` threads for one kind of blocking work (disk, hashing, netlink).

    Never for unshare(2) or setns(2): they change the thread for whoever comes next. A hop costs about 45 us:
    hand over whole operations and not single calls.
    """

    def __init__(self, name: str, width: int) -> None:
        self.name = name
        self._threads = ThreadPoolExecutor(width, thread_name_prefix=name)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return `work(*args, **kwargs)`, run on this lane.

        A thread cannot be stopped: a cancelled caller waits for work that has begun, so that it never meets
        it half done, and gets its CancelledError then.
        """
        running = self._threads.submit(functools.partial(work, *args, **kwargs))
        waiting = asyncio.wrap_future(running)
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            if not running.cancel():
                await _settled(waiting)
            raise

    async def close(self) -> None:
        """Wait for what has begun, and end the threads."""
        await asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)


async def _settled(work: "asyncio.Future[T]") -> None:
    """Return when `work` is done, however often the caller is cancelled meanwhile."""
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError:
            continue
    if not work.cancelled():
        work.exception()  # seen: the caller's cancellation is what is reported
