"""The snapshots' folders: `<snapshots>/<number>/fs` (and `work`), and the trash.

Numbers are never used twice while the engine runs. A discarded tree is moved into the trash and deleted
behind, while nobody waits. Modes do not depend on the umask.
"""

import contextlib
import itertools
import os
from collections.abc import Collection, Iterable

from wharf.content.trash_folder import Jobs, Progress, TrashFolder
from wharf.content.trouble import trouble
from wharf.failpoint import failpoint

__all__ = ["Folders", "Jobs", "Progress"]

_TRASH = "trash"


class Folders:
    """The numbered folders below `path`."""

    def __init__(self, path: str, jobs: Jobs) -> None:
        self.path = path
        self._numbers = itertools.count(1)
        self._trash = TrashFolder(f"{path}/{_TRASH}", jobs, remove=_remove_bare)

    def open(self, known: Collection[int]) -> None:
        """Discard every folder that is not `known`; for the start, when nothing is under way."""
        self._trash.open()
        found = [name for name in os.listdir(self.path) if name != _TRASH]
        numbers = [int(name) for name in found if name.isascii() and name.isdecimal()]
        self._numbers = itertools.count(max([*known, *numbers, 0]) + 1)
        owned = {str(number) for number in known}
        self._discard(name for name in found if name not in owned)

    async def close(self) -> None:
        """Stop deleting; what is left in the trash goes at the next start."""
        await self._trash.close()

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
        """See that folders are deleted; what is gone is not missed."""
        self._discard(str(number) for number in numbers)

    def _discard(self, names: Iterable[str]) -> None:
        self._trash.discard(f"{self.path}/{name}" for name in names)

    async def emptied(self) -> None:
        """Return when everything discarded has been deleted, or that has failed."""
        await self._trash.emptied()


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
