"""`wait`: for an exit, or for the removal."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from wharf.engine.containers.container import Container
from wharf.engine.containers.record import Condition
from wharf.errors import InvalidParameter
from wharf.schema.container import WaitResponse

CONDITIONS = ("not-running", "next-exit", "removed")


def wait(container: Container, condition: str) -> "Coroutine[Any, Any, WaitResponse]":
    """Check `condition`, begin to watch at once, and return what is to be awaited for the answer."""
    wanted = condition or "not-running"
    if wanted not in CONDITIONS:
        raise InvalidParameter(f'invalid condition: "{condition}"')
    if wanted == "not-running" and not container.is_alive:
        return _at_once(container)
    if wanted == "removed":
        return _until_removed(container)
    return _until_exit(container.next_exit())


def _response(container: Container) -> WaitResponse:
    return WaitResponse(status_code=container.condition.exit_code)


async def _at_once(container: Container) -> WaitResponse:
    return _response(container)


async def _until_removed(container: Container) -> WaitResponse:
    await asyncio.shield(container.removed)
    return _response(container)


async def _until_exit(future: "asyncio.Future[Condition]") -> WaitResponse:
    return WaitResponse(status_code=(await future).exit_code)  # by now it may run again
