"""The snapshots' folders: `<snapshots>/<number>/fs` (and `work`), and the trash.

Numbers are never used twice while the engine runs. A tree is removed by one rename into the trash; a job
deletes it behind. Modes do not depend on the umask.
"""

import asyncio
import contextlib
import itertools
import logging
import os
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from wharf.content.trouble import trouble
from wharf.errors import EngineError
from wharf.failpoint import failpoint

Progress = Callable[[dict[str, object]], None]

_TRASH = "trash"
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


class Folders:
    """The numbered folders below `path`."""

    def __init__(self, path: str, jobs: Jobs) -> None:
        self.path = path
        self._jobs = jobs
        self._numbers = itertools.count(1)
        self._sweeper: asyncio.Task[None] | None = None

    def open(self, known: Collection[int]) -> None:
        """Move every folder that is not `known` to the trash; for the start, when nothing is under way."""
        trash = f"{self.path}/{_TRASH}"
        os.makedirs(trash, mode=0o700, exist_ok=True)
        found = [name for name in os.listdir(self.path) if name != _TRASH]
        numbers = [int(name) for name in found if name.isascii() and name.isdecimal()]
        self._numbers = itertools.count(max([*known, *numbers, 0]) + 1)
        owned = {str(number) for number in known}
        self._discard(name for name in found if name not in owned)

    async def close(self) -> None:
        """Stop deleting; what is left in the trash goes at the next start."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.wait([self._sweeper])

    def make(self, *, work: bool = False) -> int:
        """Make a new folder with `fs`, and `work` if wanted; return its number; raises Internal."""
        number = next(self._numbers)
        with trouble("make a layer"):
            self.mend(number, work=work)
            failpoint("content.folder.made")
        return number

    def mend(self, number: int, *, work: bool = False) -> None:
        """Make what is missing of a folder; raises OSError."""
        folder = f"{self.path}/{number}"
        _make(folder, 0o700)
        _make(f"{folder}/fs", 0o755)
        if work:
            _make(f"{folder}/work", 0o700)

    def fs(self, number: int) -> str:
        """Return the path of a folder's files."""
        return f"{self.path}/{number}/fs"

    def discard(self, *numbers: int) -> None:
        """Move folders to the trash, and see that they are deleted; what is gone is not missed."""
        self._discard(str(number) for number in numbers)

    def _discard(self, names: Iterable[str]) -> None:
        for name in names:
            if _remove_bare(f"{self.path}/{name}"):
                continue
            with contextlib.suppress(FileNotFoundError):
                # The token keeps apart what different runs of the engine gave the same number.
                os.rename(f"{self.path}/{name}", f"{self.path}/{_TRASH}/{name}-{secrets.token_hex(4)}")
        failpoint("content.discarded")
        if os.listdir(f"{self.path}/{_TRASH}") and (self._sweeper is None or self._sweeper.done()):
            self._sweeper = asyncio.create_task(self._empty_trash(), name="empty the trash")

    async def emptied(self) -> None:
        """Return when the trash has been emptied, or that has failed."""
        if self._sweeper is not None:
            await asyncio.wait([self._sweeper])

    async def _empty_trash(self) -> None:
        trash = os.open(f"{self.path}/{_TRASH}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            while os.listdir(trash):
                await self._jobs.job("content.empty-trash", {}, [trash])
        except (EngineError, OSError) as error:
            _log.warning("cannot empty the trash: %s", error)
        finally:
            os.close(trash)


def _remove_bare(folder: str) -> bool:
    """Remove a folder that nothing was written to, as most containers leave theirs; say whether it was one.

    No worker is needed for that: these few directories are the engine's and overlayfs' own.
    """
    try:
        for below in ("work/work", "work", "fs", ""):
            with contextlib.suppress(FileNotFoundError):
                os.rmdir(f"{folder}/{below}")
    except OSError:
        return False
    return True


def _make(path: str, mode: int) -> None:
    """Make a folder with exactly `mode`, if it is not there."""
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        return
    os.chmod(path, mode)
