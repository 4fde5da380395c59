"""A shim, or one of its makers, that is killed at any step leaves nothing that its cgroup does not name."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

import shim_kit
from shim_kit import Container, Factory
from wharf import errors
from wharf.linux.cgroup import Cgroup
from wharf.spawner.client import Spawner

pytestmark = pytest.mark.kernel

MADE = ["spawner.shim", "shim.listen", "shim.maker", "shim.created"]
STARTED = ["shim.started", "shim.reaped", "shim.cgroup", "shim.record.write", "shim.record.rename"]


Launch = Callable[[str], Awaitable[Container]]


@pytest.fixture
async def launch(lower: Path) -> AsyncIterator[Launch]:
    """Launch a container whose shim, or maker, kills itself at a failpoint."""
    async with AsyncExitStack() as stack:

        async def launch(point: str) -> Container:
            variables = {**os.environ, "WHARF_FAILPOINTS": f"{point}=kill"}
            spawner = await Spawner.start(shim_kit.warm_program(), variables=variables)
            stack.push_async_callback(spawner.close)
            factory = Factory(spawner, lower)
            stack.push_async_callback(factory.close)
            return await factory.launch("echo hello; sleep 0.05")

        yield launch


async def tidy(container: Container) -> None:
    """Do what wharfd does for a container whose shim is gone, and find nothing left."""
    spec = json.loads((container.bundle / "config.json").read_text())
    cgroup = Cgroup.load(spec["linux"]["cgroupsPath"])
    pids = cgroup.processes()
    cgroup.kill()
    cgroup.remove()
    async with asyncio.timeout(shim_kit.LIMIT_S):
        while any(os.path.exists(f"/proc/{pid}/exe") for pid in pids):  # noqa: ASYNC110 - no event for it
            await asyncio.sleep(0.01)
    assert not any(
        str(container.folder) in line for line in Path("/proc/self/mountinfo").read_text().splitlines()
    )


@pytest.mark.parametrize("point", MADE)
async def test_a_shim_killed_before_the_start(launch: Launch, point: str) -> None:
    container = await launch(point)
    async with asyncio.timeout(shim_kit.LIMIT_S):
        await container.wharfd.peer.closed
    await container.ended()
    assert not (container.bundle / "exit.json").exists()
    await tidy(container)


@pytest.mark.parametrize("point", STARTED)
async def test_a_shim_killed_after_the_start(launch: Launch, point: str) -> None:
    container = await launch(point)
    await container.wharfd.event("created")
    try:
        await container.wharfd.call("start")
    except errors.Unavailable:
        assert point == "shim.started"
    async with asyncio.timeout(shim_kit.LIMIT_S):
        await container.wharfd.peer.closed
    await container.ended()
    assert not (container.bundle / "exit.json").exists()
    await tidy(container)


async def test_a_shim_killed_after_it_has_recorded_the_end(launch: Launch) -> None:
    container = await launch("shim.recorded")
    await container.wharfd.event("created")
    await container.wharfd.call("start")
    await container.ended()
    assert json.loads((container.bundle / "exit.json").read_text())["status"] == 0
    assert b"hello" in container.log


async def test_a_maker_killed_while_it_makes_is_a_failure(launch: Launch) -> None:
    container = await launch("shim.create")
    failed = await container.wharfd.event("failed")
    assert isinstance(failed["error"], dict)
    assert failed["error"]["kind"] == "Internal"
    await container.ended()
    await tidy(container)


async def test_an_init_killed_before_it_executes_its_program_ends_the_container(launch: Launch) -> None:
    container = await launch("runtime.execve")
    await container.wharfd.event("created")
    with pytest.raises(errors.EngineError):
        await container.wharfd.call("start")
    assert (await container.exit())["status"] == 137
    await tidy(container)


async def test_a_maker_killed_while_it_executes_is_an_answer(launch: Launch) -> None:
    container = await launch("shim.exec")
    await container.wharfd.event("created")
    await container.wharfd.call("start")
    with pytest.raises(errors.Internal):
        await container.wharfd.execute("e1", shim_kit.process_of("true"))
    assert (await container.exit())["status"] == 0
