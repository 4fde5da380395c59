"""The owner of a room's long-lived tasks."""

import asyncio
import logging
from collections.abc import Coroutine
from types import TracebackType
from typing import Self

_log = logging.getLogger(__name__)


class Supervisor:
    """Keeps tasks alive, logs those that fail, and ends them all at the end.

    An async context manager, or `close` it by hand. A task that fails is a bug: its traceback is logged,
    and the others go on.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._tasks: set[asyncio.Task[object]] = set()
        self._closed = False

    def start(self, work: Coroutine[object, object, object], name: str | None = None) -> asyncio.Task[object]:
        """Run `work` as a task of this supervisor."""
        if self._closed:
            work.close()
            raise RuntimeError(f"supervisor {self.name} is closed")
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _log.error("%s: task %s failed", self.name, task.get_name(), exc_info=error)

    async def close(self) -> None:
        """Cancel every task and wait for their ends; nothing can be started afterwards."""
        self._closed = True
        while tasks := [task for task in self._tasks if task is not asyncio.current_task()]:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
