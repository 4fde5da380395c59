"""Where an archive's members go: directories opened beneath a root, and what stands in the way removed.

A `Place` walks every path from the root's descriptor and never out of it (`Root`). It keeps the directories
it has opened lately; whenever something is removed all are forgotten, since a path may lead elsewhere then.
"""

import os
import stat
from typing import Self

from wharf.content.removal import remove_tree
from wharf.linux.rooted import Root

_KEPT = 64
_DIRECTORY = os.O_PATH | os.O_DIRECTORY


class Place:
    """The tree below `root` (borrowed), as the target of an archive."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._open: dict[bytes, int] = {}
        self._is_stale = False

    def close(self) -> None:
        """Close what is kept open."""
        self.forget()

    def forget(self) -> None:
        """Close all kept directories."""
        self._is_stale = False
        for fd in self._open.values():
            os.close(fd)
        self._open.clear()

    def directory(self, path: bytes, *, make: bool = True) -> int:
        """Return the directory at the clean `path` (O_PATH, kept by us; valid until the next call).

        Missing directories are made (0755, owned by root) unless `make` is off. Raises OSError.
        """
        if self._is_stale:
            self.forget()
        elif (kept := self._open.get(path)) is not None:
            return kept
        text = "/" + os.fsdecode(path)
        fd = self._root.make_directories(text) if make else self._root.open(text, _DIRECTORY)
        if len(self._open) >= _KEPT:
            self.forget()
        self._open[path] = fd
        return fd

    def clear(self, parent: int, base: bytes) -> os.stat_result | None:
        """Remove the entry `base` of `parent`, a tree too; return what it was, None if nothing."""
        try:
            old = os.stat(base, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if stat.S_ISDIR(old.st_mode):
            remove_tree(base, parent_fd=parent)
            self._is_stale = True
        else:
            os.unlink(base, dir_fd=parent)
            self._is_stale |= stat.S_ISLNK(old.st_mode)
        return old

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
