"""A folder for trees that nobody owns any more: put there by one rename, deleted behind by a job."""

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from wharf.errors import EngineError
from wharf.failpoint import failpoint

Progress = Callable[[dict[str, object]], None]

_SHOWN = 64
"""Characters of a tree's name that are kept, for those who look into the folder."""

_log = logging.getLogger(__name__)


class Jobs(Protocol):
    """Whoever runs jobs: the spawner's client."""

    async def job(
        self,
        name: str,
        args: Mapping[str, object],
        fds: Sequence[int] = (),
        *,
        progress: Progress | None = None,
    ) -> dict[str, object]:
        """Run a job in a worker and return its result."""


class TrashFolder:
    """The folder at `path`, on the file system of what goes there.

    `remove` may remove a tree that needs no job, and says whether it has.
    """

    def __init__(self, path: str, jobs: Jobs, *, remove: Callable[[str], bool] = lambda _path: False) -> None:
        self.path = path
        self._jobs = jobs
        self._remove = remove
        self._discarded: list[str] = []
        self._sweeper: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Make the folder if it is missing."""
        os.makedirs(self.path, mode=0o700, exist_ok=True)

    async def close(self) -> None:
        """Stop deleting; what is left goes at the next start."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.wait([self._sweeper])

    def take(self, path: str) -> None:
        """Move a tree here; one that is gone is not missed. `empty` deletes it."""
        # The token keeps apart what had the same name at different times.
        name = f"{os.path.basename(path)[:_SHOWN]}-{secrets.token_hex(4)}"
        with contextlib.suppress(FileNotFoundError):
            os.rename(path, f"{self.path}/{name}")

    def discard(self, paths: Iterable[str]) -> None:
        """See that trees are moved here and deleted, both behind; those that are gone are not missed."""
        self._discarded.extend(paths)
        self.empty()

    def empty(self) -> None:
        """See that what lies here is deleted."""
        if self._sweeper is None or self._sweeper.done():
            self._sweeper = asyncio.create_task(self._empty(), name="empty the trash")

    async def emptied(self) -> None:
        """Return when all has been deleted, or that has failed."""
        if self._sweeper is not None:
            await asyncio.wait([self._sweeper])

    async def _empty(self) -> None:
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            while self._discarded or os.listdir(folder):
                if self._discarded:
                    paths, self._discarded = self._discarded, []
                    await asyncio.to_thread(self._take_all, paths)
                else:
                    await self._jobs.job("content.empty-trash", {}, [folder])
        except (EngineError, OSError) as error:
            _log.warning("cannot empty the trash: %s", error)
        finally:
            os.close(folder)

    def _take_all(self, paths: Iterable[str]) -> None:
        for path in paths:
            if not self._remove(path):
                self.take(path)
        failpoint("content.discarded")
