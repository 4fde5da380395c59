"""Changes that must not stop half way: a commit, and what memory has to know of it."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


async def uninterrupted(change: Coroutine[object, object, T]) -> T:
    """Return what `change` returns; a caller that is cancelled meanwhile gets its CancelledError after it.

    Without this a cancelled caller could undo what a transaction behind its back has just made durable.
    """
    task = asyncio.ensure_future(change)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                continue
        if not task.cancelled():
            task.exception()  # seen: the caller's cancellation is what is reported
        raise
