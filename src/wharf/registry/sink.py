"""Where blobs go: what the client asks of the store, which is handed to it."""

from typing import Protocol

from wharf.schema.digest import Digest


class BlobWriter(Protocol):
    """A blob that is coming to be. `close` comes last, always; without a `commit` before, it gives up."""

    async def write(self, data: bytes) -> None:
        """Append `data`."""

    async def commit(self) -> None:
        """Keep the blob: its digest and size have been found right."""

    async def close(self) -> None:
        """Let go of it."""


class BlobSink(Protocol):
    """A store of blobs."""

    async def has(self, digest: Digest) -> bool:
        """Whether the blob need not be fetched."""

    async def writer(self, digest: Digest, size: int) -> BlobWriter:
        """Begin a blob of `size` bytes."""
