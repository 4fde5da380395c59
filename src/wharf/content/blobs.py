"""Content-addressed blobs: `<content>/blobs/sha256/<hex>`, as they came, or not at all.

A blob appears under its name only when its bytes are complete, hash to that name, and are on disk: it is
written beside (`<content>/ingest`), fsynced, renamed, and the folder fsynced. Nothing is ever changed in
place. Everything here blocks: `async` code calls it on a lane, or from a job.

Blobs that an operation under way needs are held by a `Lease`; `delete` and `sweep` leave those alone. Hold a
digest first, then look or write: whatever a removal that runs beside does, the blob is there afterwards.
"""

import contextlib
import hashlib
import os
import secrets
import threading
import time
from collections.abc import Collection, Iterator
from typing import Self

from wharf.content.lease import Leases
from wharf.content.trouble import trouble
from wharf.errors import InvalidParameter, NotFound
from wharf.failpoint import failpoint
from wharf.schema.digest import Digest, InvalidDigest

PART = ".part"
"""How the files of downloads end that may go on (`partial.py`)."""

_KEPT_S = 7 * 24 * 3600


class NoSuchBlob(NotFound):
    """No blob has this digest."""

    def __init__(self, digest: str) -> None:
        super().__init__(f"blob {digest} not found")
        self.digest = digest


class WrongContent(InvalidParameter):
    """Bytes that do not have the digest or the size that they should have."""


class Writer:
    """A blob that is coming to be: `write` its bytes, then `commit`; leaving the context gives it up."""

    def __init__(self, blobs: "Blobs") -> None:
        self._blobs = blobs
        self._path = f"{blobs.ingest}/{secrets.token_hex(8)}"
        self._hash = hashlib.sha256()
        self.size = 0
        self.fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def write(self, data: bytes | memoryview) -> None:
        """Append `data`; raises Internal."""
        self._hash.update(data)
        rest = memoryview(data)
        with trouble("store a blob"):
            while rest:
                rest = rest[os.write(self.fd, rest) :]
        self.size += len(data)

    def commit(self, expected: Digest | None = None, size: int | None = None) -> Digest:
        """Give the blob its name and return that; raises WrongContent for another digest or size."""
        digest = Digest.from_hex(self._hash.hexdigest())
        if size is not None and size != self.size:
            raise WrongContent(f"unexpected size of blob: expected {size} bytes, got {self.size}")
        if expected is not None and digest != expected:
            raise WrongContent(f"unexpected digest of blob: expected {expected}, got {digest}")
        self.publish(digest)
        return digest

    def publish(self, digest: Digest) -> None:
        """Give the file the name `digest`, which the caller has made sure of (a job that hashed it)."""
        with trouble("store a blob"):
            failpoint("content.blob.written")
            os.fsync(self.fd)
            failpoint("content.blob.synced")
            self._blobs.adopt(self._path, digest)
            self._path = ""
            failpoint("content.blob.renamed")
            self._blobs.sync_folder()

    def close(self) -> None:
        """Close the file, and remove it if it was not committed; twice does no harm."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        if self._path:
            os.unlink(self._path)
            self._path = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Blobs:
    """The blobs below the folder `content`."""

    def __init__(self, content: str) -> None:
        self._folder = f"{content}/blobs/sha256"
        self.ingest = f"{content}/ingest"
        self.leases = Leases()
        self._renaming = threading.Lock()
        for folder in (self._folder, self.ingest):
            os.makedirs(folder, mode=0o700, exist_ok=True)

    def path(self, digest: Digest) -> str:
        """Return where the blob is, or would be."""
        return f"{self._folder}/{digest.hex}"

    def writer(self) -> Writer:
        """Return a writer for a new blob; raises Internal."""
        with trouble("store a blob"):
            return Writer(self)

    def put(self, data: bytes) -> Digest:
        """Store `data`, if it is not here yet, and return its digest; raises Internal."""
        digest = Digest.of(data)
        if not self.exists(digest):
            with self.writer() as writer:
                writer.write(data)
                writer.commit(digest)
        return digest

    def open(self, digest: Digest) -> int:
        """Return the blob opened for reading, the caller's; raises NoSuchBlob."""
        try:
            return os.open(self.path(digest), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NoSuchBlob(digest) from None

    def read(self, digest: Digest, limit: int) -> bytes:
        """Return a small blob's bytes; raises NoSuchBlob, WrongContent when it is longer than `limit`."""
        with os.fdopen(self.open(digest), "rb") as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise WrongContent(f"blob {digest} is longer than {limit} bytes")
        return data

    def size(self, digest: Digest) -> int:
        """Return the blob's size in bytes; raises NoSuchBlob."""
        try:
            return os.stat(self.path(digest)).st_size
        except FileNotFoundError:
            raise NoSuchBlob(digest) from None

    def exists(self, digest: Digest) -> bool:
        """Whether the blob is here."""
        return os.path.exists(self.path(digest))

    def adopt(self, path: str, digest: Digest) -> None:
        """Rename a complete, durable file to the name of its content."""
        with self._renaming:
            os.rename(path, self.path(digest))

    def delete(self, digest: Digest) -> None:
        """Remove the blob unless it is leased; one that is not here is not missed."""
        failpoint("content.blob.delete")
        # Looking at the leases and removing are one step for those who hold and then rename.
        with self._renaming, contextlib.suppress(FileNotFoundError):
            if not self.leases.is_held(digest):
                os.unlink(self.path(digest))

    def __iter__(self) -> Iterator[Digest]:
        """Yield the digests of all blobs."""
        for name in os.listdir(self._folder):
            with contextlib.suppress(InvalidDigest):
                yield Digest.from_hex(name)

    def sweep(self, referenced: Collection[str]) -> int:
        """Remove unfinished blobs (parts of downloads stay) and those not `referenced`; return how many.

        For the start, when no operation is under way.
        """
        unfinished = [f"{self.ingest}/{name}" for name in os.listdir(self.ingest)]
        unfinished = [path for path in unfinished if not is_kept(path)]
        for path in unfinished:
            os.unlink(path)
        garbage = [digest for digest in self if digest not in referenced]
        for digest in garbage:
            self.delete(digest)
        return len(unfinished) + len(garbage)

    def sync_folder(self) -> None:
        """Make the names of the blobs durable; raises OSError."""
        fd = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def is_kept(path: str) -> bool:
    """Whether a file in the ingest folder is a part that a download may still go on with."""
    return path.endswith(PART) and time.time() - os.stat(path).st_mtime < _KEPT_S
