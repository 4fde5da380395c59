"""Containers that a restart policy starts and that have no shim to do it: the host or the engine came up."""

import asyncio
import logging

from wharf.engine.containers import restart_policy, start
from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.errors import EngineError
from wharf.failpoint import failpoint

_log = logging.getLogger(__name__)

_AT_ONCE = 4


def start_due(context: Context) -> None:
    """Begin to start the containers whose policy says so; for the engine's start, when all are adopted."""
    due = [container for container in reversed(list(context.index)) if restart_policy.is_due(container)]
    if due:
        failpoint("autostart.begin")
        context.tasks.start(_start_all(context, due), name="start what a restart policy starts")


async def _start_all(context: Context, due: list[Container]) -> None:
    gate = asyncio.Semaphore(_AT_ONCE)
    starting: dict[str, asyncio.Task[None]] = {}

    async def start_one(container: Container) -> None:
        # A container is told of those it links to, so they come first; they are older, and begun already.
        others = [starting[link.container] for link in container.record.links if link.container in starting]
        await asyncio.gather(*others)
        async with gate:
            try:
                await start.start_again(context, container, restart_count=0)
            except (EngineError, OSError) as error:
                _log.error("cannot start container %s again: %s", container.record.short_id, error)

    async with asyncio.TaskGroup() as group:
        for container in due:
            name = f"start {container.record.short_id} again"
            starting[container.id] = group.create_task(start_one(container), name=name)
