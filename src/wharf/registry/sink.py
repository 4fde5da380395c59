"""Where blobs go: what the client asks of the store, which is handed to it."""

import hashlib
from typing import Protocol

from wharf.schema.digest import Digest


class BlobWriter(Protocol):
    """A blob that is coming to be. `close` comes last, always; without a `commit` before, it gives up.

    What has been written may be kept for another attempt, unless `discard` says that it is wrong.
    """

    async def begin(self) -> tuple["hashlib._Hash", int]:
        """Return the hash (SHA-256) and the number of the bytes that are here from an earlier attempt."""

    async def write(self, data: bytes) -> None:
        """Append `data`."""

    async def commit(self) -> None:
        """Keep the blob: its digest and size have been found right."""

    async def discard(self) -> None:
        """Throw away what was written: it is not the blob."""

    async def close(self) -> None:
        """Let go of it."""


class BlobSink(Protocol):
    """A store of blobs."""

    async def has(self, digest: Digest) -> bool:
        """Whether the blob need not be fetched."""

    async def writer(self, digest: Digest, size: int) -> BlobWriter | None:
        """Begin a blob of `size` bytes; None where somebody else has brought it meanwhile."""
