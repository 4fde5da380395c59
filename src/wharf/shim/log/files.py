"""The files of a log: `path`, and older ones `path.1`, `path.2`, … where it is rotated.

Each file but the live one may be compressed (`path.1.gz`). A rotated file is never written again, and its
name is never another's while the live one has not changed too: readers find their way by that.
"""

import os
from collections.abc import Callable

from wharf.failpoint import failpoint
from wharf.shim.log.compress import SUFFIX, UNFINISHED, Compressor

_MODE = 0o640

Mend = Callable[[int, int], int]
"""Given a file's descriptor and size, returns where its last whole entry ends."""


class LogFiles:
    """Appends to the live file, and rotates when told.

    `mend` finds where half an entry begins that a power cut has left, which is cut off.
    """

    __slots__ = ("_compressor", "_fd", "_max_file", "_mend", "_path", "lost", "max_size", "size")

    def __init__(
        self, path: str, *, max_size: int = 0, max_file: int = 1, compress: bool = False, mend: Mend
    ) -> None:
        self._path = path
        self.max_size = max_size
        self._max_file = max_file
        self._compressor = Compressor() if compress and max_file > 1 else None
        self._mend = mend
        if self._compressor is not None:
            _remove(f"{path}.1{UNFINISHED}")
        self._fd, self.size = self._open()
        self.lost = 0
        """How many writes the disk refused; what they held is gone."""

    def append(self, parts: list[bytes], size: int) -> None:
        """Write `parts` whole or not at all; what a full disk took of them is cut off again."""
        if self._compressor is not None:
            self._compressor.look()
        try:
            failpoint("shim.log")
            written = os.writev(self._fd, parts)
        except OSError:
            written = -1
        if written == size:
            self.size += size
            return
        self.lost += 1
        if written > 0:
            os.ftruncate(self._fd, self.size)

    def rotate(self) -> None:
        """Go on in a new file, and keep as many of the old ones as there may be."""
        if self._compressor is not None:
            self._compressor.wait()
        old = self._fd
        try:
            failpoint("shim.log.rotate")
            self._shift()
            self._fd, self.size = self._open()
        except OSError:
            if self._max_file > 1 and not os.path.lexists(self._path):
                _rename(f"{self._path}.1", self._path)
            return  # it goes on in the old file, which grows until this can be done
        os.close(old)
        if self._compressor is not None:
            self._compressor.start(f"{self._path}.1")

    def _shift(self) -> None:
        if self._max_file < 2:
            # A new file and not the old one made empty: who follows it reads it to its end.
            _remove(self._path)
            return
        for suffix in ("", SUFFIX):
            _remove(f"{self._path}.{self._max_file - 1}{suffix}")
        for number in range(self._max_file - 1, 1, -1):
            for suffix in ("", SUFFIX):
                _rename(f"{self._path}.{number - 1}{suffix}", f"{self._path}.{number}{suffix}")
        os.rename(self._path, f"{self._path}.1")

    def close(self) -> None:
        """Close the file, once what is being compressed is."""
        os.close(self._fd)
        if self._compressor is not None:
            self._compressor.wait()

    def _open(self) -> tuple[int, int]:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(self._path, flags, _MODE)
        size = os.fstat(fd).st_size
        whole = self._mend(fd, size) if size else 0
        if whole < size:
            os.ftruncate(fd, whole)
        return fd, whole


def _rename(old: str, new: str) -> None:
    try:
        os.rename(old, new)
    except OSError:
        return


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
