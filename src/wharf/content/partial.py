"""A blob that comes from afar, and may come in several goes: what is here survives a failure and a restart.

`<content>/ingest/<hex>.part` grows until it is whole. Its bytes are hashed once more when a download goes on,
so nothing depends on how much of them had reached the disk. One download at a time may have it open.
"""

import hashlib
import os

from wharf.content.blobs import PART, Blobs
from wharf.content.trouble import trouble
from wharf.failpoint import failpoint
from wharf.schema.digest import Digest

_CHUNK = 1024 * 1024


class Partial:
    """The part of the blob `digest` that is here; `close` keeps it for the next time."""

    def __init__(self, blobs: Blobs, digest: Digest) -> None:
        """Open it, empty where there is none; raises Internal."""
        self._blobs = blobs
        self._digest = digest
        self._path = f"{blobs.ingest}/{digest.hex}{PART}"
        with trouble("store a blob"):
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.size = 0

    def read(self, limit: int) -> "hashlib._Hash":
        """Return the hash of what is here, and set `size`; a file longer than `limit` is begun anew."""
        found = hashlib.sha256()
        if os.fstat(self._fd).st_size > limit:
            os.ftruncate(self._fd, 0)
        while piece := os.pread(self._fd, _CHUNK, self.size):
            found.update(piece)
            self.size += len(piece)
        return found

    def write(self, data: bytes) -> None:
        """Append `data`; raises Internal."""
        rest = memoryview(data)
        with trouble("store a blob"):
            while rest:
                done = os.pwrite(self._fd, rest, self.size)
                self.size += done
                rest = rest[done:]

    def publish(self) -> None:
        """Give it its name: it is whole, and its hash has been found right; raises Internal."""
        with trouble("store a blob"):
            os.fsync(self._fd)
            failpoint("content.partial.synced")
            self._blobs.adopt(self._path, self._digest)
            self._path = ""
            failpoint("content.partial.renamed")
            self._blobs.sync_folder()

    def discard(self) -> None:
        """Remove it: it is not what it should be."""
        if self._path:
            os.unlink(self._path)
            self._path = ""

    def close(self) -> None:
        """Close it; an empty one is removed. Twice does no harm."""
        if self._fd < 0:
            return
        if not self.size:
            self.discard()
        os.close(self._fd)
        self._fd = -1
