"""Locks by key, and changes that a cancelled caller waits for."""

import asyncio

import pytest

from wharf.content.keyed_lock import KeyedLock
from wharf.content.uninterrupted import uninterrupted


async def test_holders_of_one_key_take_turns_and_others_do_not_wait() -> None:
    locks = KeyedLock()
    order: list[str] = []
    first_holds, go_on = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        async with locks.hold("a"):
            first_holds.set()
            await go_on.wait()
            order.append("first")

    async def second() -> None:
        async with locks.hold("a"):
            order.append("second")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(first())
        await first_holds.wait()
        tasks.create_task(second())
        async with locks.hold("b"):
            order.append("other")
        go_on.set()
    assert order == ["other", "first", "second"]


async def test_a_waiter_that_is_cancelled_leaves_the_key_to_others() -> None:
    locks = KeyedLock()
    async with locks.hold("a"):
        waiter = asyncio.create_task(locks.hold("a").__aenter__())
        await asyncio.sleep(0)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
    async with asyncio.timeout(5), locks.hold("a"):
        pass


async def test_a_change_is_whole_when_its_caller_was_cancelled() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    done: list[str] = []

    async def change() -> None:
        begun.set()
        await go_on.wait()
        done.append("whole")

    caller = asyncio.create_task(uninterrupted(change()))
    await begun.wait()
    caller.cancel()
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.sleep(0)
    assert not caller.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert done == ["whole"]


async def test_a_changes_result_and_error_reach_the_caller() -> None:
    async def works() -> int:
        return 5

    async def fails() -> int:
        raise ValueError("no")

    assert await uninterrupted(works()) == 5
    with pytest.raises(ValueError, match="no"):
        await uninterrupted(fails())
