"""Lanes of threads."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from wharf.aio.lane import Lane


@pytest.fixture
async def lane() -> AsyncIterator[Lane]:
    lane = Lane("test", 1)
    async with asyncio.timeout(10):
        yield lane
    await lane.close()


async def test_work_is_done_on_a_thread_of_the_lane(lane: Lane) -> None:
    assert (await lane.run(threading.current_thread)).name.startswith("test")


async def test_errors_come_back(lane: Lane) -> None:
    with pytest.raises(ZeroDivisionError):
        await lane.run(divmod, 1, 0)


async def test_a_cancelled_caller_waits_for_work_that_has_begun(lane: Lane) -> None:
    begun, go, steps = threading.Event(), threading.Event(), list[str]()

    def work() -> None:
        begun.set()
        assert go.wait(5)
        steps.append("done")

    caller = asyncio.ensure_future(lane.run(work))
    await asyncio.to_thread(begun.wait, 5)
    caller.cancel()
    await asyncio.sleep(0)
    assert not caller.done()
    caller.cancel()
    await asyncio.sleep(0)
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert steps == ["done"]


async def test_cancelled_work_that_waits_its_turn_never_begins(lane: Lane) -> None:
    begun, go, steps = threading.Event(), threading.Event(), list[str]()

    def work() -> None:
        begun.set()
        assert go.wait(5)

    first = asyncio.ensure_future(lane.run(work))
    await asyncio.to_thread(begun.wait, 5)
    second = asyncio.ensure_future(lane.run(steps.append, "second"))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    go.set()
    await first
    assert steps == []
