"""`pull`: an image from a registry; the blobs into the store, the layers unpacked, the names recorded.

What the registry client brings is verified against its digests on the way in; the layers are verified once
more, uncompressed, against the diff ids of the config. What a failed pull fetched is removed again.
"""

import asyncio
import os
from collections.abc import Callable
from typing import NamedTuple

from wharf.content.blobs import Writer
from wharf.content.layers import Source
from wharf.content.lease import Lease
from wharf.engine.images import places
from wharf.engine.images.errors import BadImage
from wharf.engine.images.image import Image, parse
from wharf.engine.images.load import Report
from wharf.engine.images.places import StoredManifest
from wharf.engine.images.store import Store
from wharf.registry.client.pull import PulledImage, pull
from wharf.registry.credentials import Credentials, decode_auth
from wharf.registry.platform import Platform
from wharf.registry.progress import PullProgress
from wharf.registry.settings import RegistrySettings
from wharf.schema.digest import Digest, InvalidDigest
from wharf.schema.image import Progress, ProgressDetail
from wharf.schema.reference import Reference

_AT_ONCE = 2


class Wanted(NamedTuple):
    """What a client asked for."""

    reference: Reference
    platform: Platform | None
    auth: Credentials | None


def wanted(name: str, *, tag: str, platform: str, auth: str) -> Wanted:
    """Return what the parameters of a pull mean; `tag` may be a digest; raises InvalidParameter kinds."""
    reference = Reference.parse(name.removesuffix(":"))
    if tag:
        try:
            reference = reference.with_digest(Digest.parse(tag))
        except InvalidDigest:
            reference = reference.with_tag(tag)
    return Wanted(
        reference.tagged(),
        Platform.parse(platform) if platform else None,
        decode_auth(auth) if auth else None,
    )


class _BlobWriter:
    """A blob on its way into the store; the registry client has verified it when it commits."""

    def __init__(self, store: Store, writer: Writer, digest: Digest) -> None:
        self._store = store
        self._writer = writer
        self._digest = digest

    async def write(self, data: bytes) -> None:
        await self._store.lane.run(self._writer.write, data)

    async def commit(self) -> None:
        await self._store.lane.run(self._writer.commit, self._digest)

    async def close(self) -> None:
        await self._store.lane.run(self._writer.close)


class _Sink:
    """The blob store, as the registry client wants it; everything asked for is leased."""

    def __init__(self, store: Store, lease: Lease) -> None:
        self._store = store
        self._lease = lease
        self.digests: set[Digest] = set()

    async def has(self, digest: Digest) -> bool:
        self._hold(digest)
        return await self._store.lane.run(self._store.blobs.exists, digest)

    async def writer(self, digest: Digest, size: int) -> _BlobWriter:  # noqa: ARG002 - the client checks the size
        self._hold(digest)
        return _BlobWriter(self._store, await self._store.lane.run(self._store.blobs.writer), digest)

    def _hold(self, digest: Digest) -> None:
        self._lease.hold(digest)
        self.digests.add(digest)


def _names(pulled: PulledImage) -> list[Reference]:
    """Return the names a pulled image gets: its tag, and the digest of what that leads to."""
    by_digest = pulled.reference.with_digest(pulled.repo_digest)
    return [by_digest] if pulled.reference.digest is not None else [pulled.reference, by_digest]


class Pull:
    """One pull; `report` gets the lines of the progress stream."""

    def __init__(self, store: Store, settings: RegistrySettings, report: Report) -> None:
        self._store = store
        self._settings = settings
        self._report = report
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def run(self, asked: Wanted) -> Image:
        """Fetch and record what was asked for; raises the registry's errors, BadImage, InvalidParameter."""
        before = self._store.catalog.lookup(asked.reference)
        fetched: set[Digest] = set()
        try:
            with self._store.blobs.leases.open() as blob_lease:
                sink = _Sink(self._store, blob_lease)
                fetched = sink.digests
                pulled = await pull(
                    asked.reference,
                    auth=asked.auth,
                    platform=asked.platform,
                    settings=self._settings,
                    blobs=sink,
                    progress=self._tell,
                )
                image = await self._adopt(pulled)
        finally:
            await self._store.drop_unused(fetched)
        self._report(Progress(status=f"Digest: {pulled.repo_digest}"))
        what = "Image is up to date" if before == image.digest else "Downloaded newer image"
        self._report(Progress(status=f"Status: {what} for {asked.reference.familiar}"))
        return image

    async def _adopt(self, pulled: PulledImage) -> Image:
        image = parse(pulled.config)
        if len(image.diff_ids) != len(pulled.layers):
            raise BadImage("layers from manifest don't match image configuration")
        layers = dict(zip(image.diff_ids, (layer.digest for layer in pulled.layers), strict=True))
        with self._store.layers.leases.open() as lease:
            try:
                async with asyncio.TaskGroup() as tasks:
                    for diff_id, blob in layers.items():
                        tasks.create_task(self._unpack(diff_id, blob, lease))
            except BaseExceptionGroup as group:
                raise group.exceptions[0] from None
            # Over other blobs than its own the manifest would be of no use.
            is_whole = all(self._store.layers.keeps(blob) for blob in layers.values())
            manifest = StoredManifest(pulled.manifest_digest, pulled.media_type, pulled.manifest)
            image = await self._store.create(
                pulled.config, lease=lease, names=_names(pulled), manifest=manifest if is_whole else None
            )
        name = pulled.reference.name
        await self._store.write(lambda connection: places.record_places(connection, layers, name))
        return image

    async def _unpack(self, diff_id: Digest, blob: Digest, lease: Lease) -> None:
        """Unpack a layer from its blob, unless it is here."""
        async with self._slots:
            size = await self._store.lane.run(self._store.blobs.size, blob)
            fd = await self._store.lane.run(self._store.blobs.open, blob)
            try:
                await self._store.layers.add(
                    Source(fd, 0, size, digest=blob),
                    diff_id=diff_id,
                    lease=lease,
                    progress=self._extracting(blob, size),
                )
            finally:
                os.close(fd)
        self._report(Progress(status="Pull complete", id=blob.short))

    def _extracting(self, blob: Digest, total: int) -> Callable[[dict[str, object]], None]:
        def tell(event: dict[str, object]) -> None:
            current = event.get("current")
            if isinstance(current, int):
                self._tell(PullProgress("Extracting", blob.short, current, total))

        return tell

    def _tell(self, step: PullProgress) -> None:
        detail = ProgressDetail(current=step.current, total=step.total)
        self._report(Progress(status=step.status, id=step.id, progress_detail=detail))
