"""Owners of long-lived tasks."""

import asyncio
import logging

import pytest

from wharf.aio.supervisor import Supervisor


async def test_a_failing_task_is_logged_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ValueError("broken")

    caplog.set_level(logging.ERROR)
    async with Supervisor("room") as supervisor:
        other = supervisor.start(asyncio.Event().wait())
        failing = supervisor.start(fail(), name="fragile")
        await asyncio.wait([failing])
        await asyncio.sleep(0)
        assert not other.done()
    assert other.cancelled()
    assert "room: task fragile failed" in caplog.text
    assert "ValueError: broken" in caplog.text


async def test_closing_waits_for_the_tasks_clean_up() -> None:
    steps = []

    async def tidy() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            steps.append("tidied")

    supervisor = Supervisor("room")
    supervisor.start(tidy())
    await asyncio.sleep(0)
    await supervisor.close()
    assert steps == ["tidied"]


async def test_nothing_starts_after_the_end() -> None:
    supervisor = Supervisor("room")
    await supervisor.close()
    with pytest.raises(RuntimeError, match="closed"):
        supervisor.start(asyncio.sleep(0))
