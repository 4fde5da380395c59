"""A rotated file made small, by a child of the shim: gzip (RFC 1952), with Docker's word of its last entry.

The header's extra field is JSON: `lastTime` as Docker writes it, and the inode of the file that was
compressed, by which a reader who has come to its end finds what follows.
"""

import json
import os
import time
import zlib
from typing import NoReturn

from wharf.failpoint import failpoint
from wharf.linux import prctl
from wharf.linux.descriptors import close_others

SUFFIX = ".gz"
UNFINISHED = ".gz.tmp"

_CHUNK = 256 * 1024
_MODE = 0o640
_HEAD = b"\x1f\x8b\x08\x04" + bytes(4) + b"\x00\xff"
"""Deflate, an extra field, no time, any system."""


class Compressor:
    """Compresses one file at a time; who starts the next waits for the one before."""

    def __init__(self) -> None:
        self._pid = 0

    def start(self, path: str) -> None:
        """Put `path.gz` in the place of `path`; a failure leaves `path` as it is."""
        self.wait()
        failpoint("shim.log.compress")
        try:
            pid = os.fork()
        except OSError:
            return  # no memory: it stays as it is
        if pid == 0:
            _be_compressor(path)
        self._pid = pid

    def look(self) -> None:
        """Forget a child that has ended."""
        if self._pid:
            self._reap(os.WNOHANG)

    def wait(self) -> None:
        """Wait until the child has ended."""
        if self._pid:
            self._reap(0)

    def _reap(self, flags: int) -> None:
        try:
            pid, _ = os.waitpid(self._pid, flags)
        except ChildProcessError:
            pid = self._pid
        if pid:
            self._pid = 0


def _be_compressor(path: str) -> NoReturn:
    """The child's whole life, up to _exit: a process border."""
    status = 1
    try:
        prctl.set_name("wharf-compress")
        close_others(())
        _compress(path)
        status = 0
    finally:
        os._exit(status)


def _compress(path: str) -> None:
    unfinished = path + UNFINISHED
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    with (
        open(path, "rb", buffering=0) as source,
        open(os.open(unfinished, flags, _MODE), "wb") as target,
    ):
        found = os.fstat(source.fileno())
        last = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(found.st_mtime))
        extra = json.dumps({"lastTime": last, "inode": found.st_ino}).encode()
        target.write(_HEAD + len(extra).to_bytes(2, "little") + extra)
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        checksum = size = 0
        while chunk := source.read(_CHUNK):
            checksum = zlib.crc32(chunk, checksum)
            size += len(chunk)
            target.write(packer.compress(chunk))
        target.write(packer.flush() + checksum.to_bytes(4, "little") + (size % 2**32).to_bytes(4, "little"))
    os.rename(unfinished, path + SUFFIX)
    os.unlink(path)
