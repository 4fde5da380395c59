"""The files of a log for a reader: opened together, whatever rotation does meanwhile, and plain bytes each.

A file is known by its inode, which a compressed one tells in its header (`shim/log/compress.py`).
"""

import contextlib
import json
import os
import time
import zlib
from itertools import pairwise
from typing import Self

from wharf.shim.log.compress import SUFFIX

_CHUNK = 1024 * 1024
_ATTEMPTS = 2000
_PAUSE_S = 0.0005
"""Between two attempts: a rotation takes about as long."""

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
_EXTRA = 0x04
_HEADER = 12


class LogFile:
    """One open file of a log."""

    def __init__(self, fd: int, folder: str, *, is_compressed: bool) -> None:
        self._folder = folder
        self._is_compressed = is_compressed
        self._fd = fd
        self.inode = (_original(fd) if is_compressed else 0) or os.fstat(fd).st_ino

    @classmethod
    def open(cls, path: str) -> Self | None:
        """Open `path`, or what it was compressed to; None when there is neither."""
        for suffix in ("", SUFFIX):
            try:
                fd = os.open(path + suffix, _FLAGS)
            except FileNotFoundError:
                continue
            return cls(fd, os.path.dirname(path), is_compressed=bool(suffix))
        return None

    def plain(self) -> int:
        """Return a descriptor of the file's plain bytes, this file's own."""
        if self._is_compressed:
            unpacked = _unpack(self._fd, self._folder)
            os.close(self._fd)
            self._fd, self._is_compressed = unpacked, False
        return self._fd

    def close(self) -> None:
        """Close it; harmless when done already."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def open_all(path: str) -> list[LogFile]:
    """Open all files of the log at `path`, oldest first.

    A rotation in the middle shows by the live file, which is another one then, or before that by a file that
    was moved under us: met twice, or away from its number while older ones are there. It is done again.
    """
    for _ in range(_ATTEMPTS):
        with contextlib.ExitStack() as stack:
            found: list[LogFile] = []
            number = 0
            while (file := LogFile.open(f"{path}.{number}" if number else path)) or not number:
                if file is not None:
                    stack.callback(file.close)
                    found.insert(0, file)
                number += 1
            live = found[-1].inode if found else 0
            is_moving = _is_older(path, number) or any(a.inode == b.inode for a, b in pairwise(found))
            if not is_moving and (live == _inode(path) or (found and not os.path.exists(path))):
                stack.pop_all()
                return found
        time.sleep(_PAUSE_S)
    raise OSError("the log is rotated faster than it can be read")


def _is_older(path: str, number: int) -> bool:
    """Return whether there is a file of a higher number than `number`."""
    folder, name = os.path.split(path)
    try:
        entries = os.listdir(folder)
    except FileNotFoundError:  # nothing was ever logged
        return False
    numbers = (
        entry.removeprefix(f"{name}.").removesuffix(SUFFIX)
        for entry in entries
        if entry.startswith(f"{name}.")
    )
    return any(text.isdecimal() and int(text) > number for text in numbers)


def after(path: str, inode: int) -> tuple[bool, list[LogFile]]:
    """Return whether the file `inode` is still part of the log, and the files younger than it, oldest first.

    Where it is gone all files are younger.
    """
    files = open_all(path)
    # The youngest of that number: an older one may have had it before, and tell so when it is compressed.
    at = max((number + 1 for number, file in enumerate(files) if file.inode == inode), default=0)
    for file in files[:at]:
        file.close()
    return at > 0, files[at:]


def is_live(path: str, inode: int) -> bool:
    """Return whether the file `inode` is the one that is written."""
    return _inode(path) in {0, inode}


def _inode(path: str) -> int:
    try:
        return os.stat(path, follow_symlinks=False).st_ino
    except FileNotFoundError:
        return 0


def _original(fd: int) -> int:
    """Return the inode of the file that a compressed one was made of, 0 where it does not tell."""
    head = os.pread(fd, _HEADER + 0xFFFF, 0)
    if len(head) < _HEADER or not head[3] & _EXTRA:
        return 0
    try:
        value = json.loads(head[_HEADER : _HEADER + int.from_bytes(head[10:_HEADER], "little")])
        return int(value["inode"])
    except (ValueError, KeyError, TypeError):
        return 0


def _unpack(fd: int, folder: str) -> int:
    """Return a file without a name that holds the plain bytes of a compressed one, as far as that goes."""
    target = os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    offset = 0
    try:
        with contextlib.suppress(zlib.error):
            while chunk := os.pread(fd, _CHUNK, offset):
                offset += len(chunk)
                while chunk:
                    _write(target, unpacker.decompress(chunk, _CHUNK))
                    chunk = unpacker.unconsumed_tail
            _write(target, unpacker.flush())
    except BaseException:
        os.close(target)
        raise
    return target


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
