"""The volumes' folders: `<volumes>/<name>/_data`, and the trash for those of removed volumes."""

import contextlib
import os

from wharf.content.trash_folder import Jobs, TrashFolder
from wharf.content.trouble import trouble
from wharf.failpoint import failpoint
from wharf.volume import copy_up
from wharf.volume.copy_up import DATA

_TRASH = ".trash"
"""No volume's name begins with a dot."""


class Folders:
    """The folders below `path`."""

    def __init__(self, path: str, jobs: Jobs) -> None:
        self.path = path
        self._trash = TrashFolder(f"{path}/{_TRASH}", jobs)

    def open(self) -> None:
        """Make the folder of folders; whoever has a path into one must be able to go through."""
        _make(self.path, 0o711)
        self._trash.open()
        self._trash.empty()

    async def close(self) -> None:
        """Stop deleting; the next start goes on with it."""
        await self._trash.close()

    def folder(self, name: str) -> str:
        """Return the path of a volume's folder."""
        return f"{self.path}/{name}"

    def data(self, name: str) -> str:
        """Return the path of a volume's data: its mountpoint, for users."""
        return f"{self.path}/{name}/{DATA}"

    def make(self, name: str) -> None:
        """Make what is missing of a volume's folder; raises Internal."""
        with trouble(f"make the folder of volume {name}"):
            _make(self.folder(name), 0o711)
            _make(self.data(name), 0o755)
        failpoint("volume.folder")

    def recover(self, name: str) -> None:
        """Make good what a crash has left of a volume's folder; raises Internal."""
        self.make(name)
        self.drop_copy(name)
        with trouble(f"move the content of volume {name} to its place"):
            copy_up.settle(self.folder(name))

    def commit_copy(self, name: str) -> None:
        """Make a staged copy the volume's content; raises Internal."""
        with trouble(f"fill volume {name}"):
            copy_up.commit(self.folder(name))

    def drop_copy(self, name: str) -> None:
        """Remove a staged copy that was not completed."""
        staged = f"{self.folder(name)}/{copy_up.COPYING}"
        if os.path.lexists(staged):
            self._trash.take(staged)
            self._trash.empty()

    def discard(self, name: str) -> None:
        """Remove a volume's folder: an empty one at once, another one by way of the trash."""
        folder = self.folder(name)
        try:
            for path in (self.data(name), folder):
                with contextlib.suppress(FileNotFoundError):
                    os.rmdir(path)
        except OSError:
            self._trash.take(folder)
            failpoint("volume.trashed")
            self._trash.empty()

    async def emptied(self) -> None:
        """Return when the trash has been emptied, or that has failed."""
        await self._trash.emptied()


def _make(path: str, mode: int) -> None:
    """Make a folder with exactly `mode`, if it is not there."""
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        return
    os.chmod(path, mode)
