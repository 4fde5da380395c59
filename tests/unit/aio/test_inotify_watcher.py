"""File events on the event loop."""

import asyncio
from pathlib import Path

from wharf.aio.inotify import Mask, Watcher


async def test_a_waiting_loop_sees_a_write(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.touch()
    with Watcher() as watcher:
        watch = watcher.watch(str(path), Mask.MODIFY)
        events = aiter(watcher)
        first = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        path.write_text("x")
        async with asyncio.timeout(5):
            event = await first
        assert (event.watch, event.mask) == (watch, Mask.MODIFY)
        await events.aclose()  # type: ignore[attr-defined]  # an async generator, typed as an iterator


async def test_closing_ends_the_iteration(tmp_path: Path) -> None:
    watcher = Watcher()
    watcher.watch(str(tmp_path), Mask.CREATE)

    async def collect() -> list[object]:
        return [event async for event in watcher]

    collecting = asyncio.ensure_future(collect())
    await asyncio.sleep(0)
    watcher.close()
    async with asyncio.timeout(5):
        assert await collecting == []


async def test_unwatching_a_deleted_file_is_harmless(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.touch()
    with Watcher() as watcher:
        watch = watcher.watch(str(path), Mask.MODIFY)
        path.unlink()
        watcher.unwatch(watch)
