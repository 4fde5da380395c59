"""Removing a tree of any depth, by descriptors, never through a link.

A container may nest directories deeper than any path or stack can hold. What lies deeper than a fixed depth
is moved up to the top of the tree and removed from there, so depth costs renames and not memory.
"""

import contextlib
import errno
import os
from collections.abc import Callable

_DEPTH = 32
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_tree(name: str | bytes, *, parent_fd: int | None = None) -> None:
    """Remove the directory `name` of `parent_fd` (borrowed) with all that is in it; raises OSError."""
    top = os.open(name, _OPEN, dir_fd=parent_fd)
    try:
        _Removal(top).run()
    finally:
        os.close(top)
    os.rmdir(name, dir_fd=parent_fd)


class _Removal:
    def __init__(self, top: int) -> None:
        self._top = top
        self._moved = 0

    def run(self) -> None:
        while self._empty(self._top, 0):
            pass

    def _empty(self, fd: int, depth: int) -> bool:
        """Remove what is in `fd`; return whether something was moved to the top meanwhile."""
        moved = self._moved
        with os.scandir(fd) as entries:
            found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        for name, is_directory in found:
            if not is_directory:
                os.unlink(name, dir_fd=fd)
            elif depth < _DEPTH:
                self._remove(fd, name, depth)
            else:
                self._move_up(fd, name)
        return self._moved != moved

    def _remove(self, fd: int, name: str, depth: int) -> None:
        inner = os.open(name, _OPEN, dir_fd=fd)
        try:
            self._empty(inner, depth + 1)
        finally:
            os.close(inner)
        os.rmdir(name, dir_fd=fd)

    def _move_up(self, fd: int, name: str) -> None:
        while True:
            self._moved += 1
            try:
                # An empty directory of that name would be replaced, which is as good.
                os.rename(name, f"deep-{self._moved}", src_dir_fd=fd, dst_dir_fd=self._top)
                return
            except (FileExistsError, NotADirectoryError):
                continue  # the tree has such a name itself: take the next number
            except OSError as error:
                if error.errno != errno.ENOTEMPTY:
                    raise


def remove_trees(folder: str, is_unwanted: Callable[[str], bool]) -> int:
    """Remove what `is_unwanted` names in `folder`, which may be missing; return how many entries."""
    count = 0
    with contextlib.suppress(FileNotFoundError):
        for name in filter(is_unwanted, os.listdir(folder)):
            path = f"{folder}/{name}"
            if os.path.isdir(path) and not os.path.islink(path):
                remove_tree(path)
            else:
                os.unlink(path)
            count += 1
    return count
