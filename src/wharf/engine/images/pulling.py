"""`pull`: an image from a registry; the blobs into the store, the layers unpacked, the names recorded.

What the registry client brings is verified against its digests on the way in; the layers are verified once
more, uncompressed, against the diff ids of the config. What a failed pull fetched is removed again.
"""

import asyncio
import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import NamedTuple

from wharf.content.layers import Source
from wharf.content.lease import Lease
from wharf.content.partial import Partial
from wharf.engine.images import places
from wharf.engine.images.errors import BadImage, PlatformMismatch
from wharf.engine.images.image import Image, parse
from wharf.engine.images.load import Report
from wharf.engine.images.places import StoredManifest
from wharf.engine.images.store import Store
from wharf.registry.client.pull import PulledImage, pull, tags
from wharf.registry.credentials import Credentials, decode_auth
from wharf.registry.documents import Blob
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
        reference,
        Platform.parse(platform) if platform else None,
        decode_auth(auth) if auth else None,
    )


class _BlobWriter:
    """A blob on its way into the store; the registry client has verified it when it commits."""

    def __init__(self, store: Store, partial: Partial, size: int, lock: AsyncExitStack) -> None:
        self._lane = store.lane
        self._partial = partial
        self._size = size
        self._lock = lock

    async def begin(self) -> "tuple[hashlib._Hash, int]":
        return await self._lane.run(self._partial.read, self._size), self._partial.size

    async def write(self, data: bytes) -> None:
        await self._lane.run(self._partial.write, data)

    async def commit(self) -> None:
        await self._lane.run(self._partial.publish)

    async def discard(self) -> None:
        await self._lane.run(self._partial.discard)

    async def close(self) -> None:
        try:
            await self._lane.run(self._partial.close)
        finally:
            await self._lock.aclose()


class _Sink:
    """The blob store, as the registry client wants it; everything asked for is leased.

    Of two pulls that want one blob, one fetches it; the other waits, and goes on where that one ended.
    """

    def __init__(self, store: Store, lease: Lease) -> None:
        self._store = store
        self._lease = lease
        self.digests: set[Digest] = set()

    async def has(self, digest: Digest) -> bool:
        self._hold(digest)
        return await self._store.lane.run(self._store.blobs.exists, digest)

    async def writer(self, digest: Digest, size: int) -> _BlobWriter | None:
        self._hold(digest)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._store.fetching.hold(digest))
            if await self._store.lane.run(self._store.blobs.exists, digest):
                return None
            partial = Partial(self._store.blobs, digest)
            return _BlobWriter(self._store, partial, size, stack.pop_all())
        raise AssertionError("the stack suppresses nothing")

    def _hold(self, digest: Digest) -> None:
        self._lease.hold(digest)
        self.digests.add(digest)


def _names(pulled: PulledImage) -> list[Reference]:
    """Return the names a pulled image gets: its tag, and the digest of what that leads to."""
    by_digest = pulled.reference.with_digest(pulled.repo_digest)
    return [by_digest] if pulled.reference.digest is not None else [pulled.reference, by_digest]


def _pairs(image: Image, layers: Sequence[Blob]) -> list[tuple[Digest, Digest]]:
    """Return the diff id and the blob of each layer, lowest first; raises BadImage."""
    if len(image.diff_ids) != len(layers):
        raise BadImage("layers from manifest don't match image configuration")
    return [(diff_id, layer.digest) for diff_id, layer in zip(image.diff_ids, layers, strict=True)]


class Pull:
    """One pull; `report` gets the lines of the progress stream."""

    def __init__(
        self, store: Store, settings: RegistrySettings, downloads: asyncio.Semaphore, report: Report
    ) -> None:
        """`downloads` limits what comes at a time, over all pulls of an engine."""
        self._store = store
        self._settings = settings
        self._downloads = downloads
        self._report = report
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def run(self, asked: Wanted) -> list[Image]:
        """Fetch and record what was asked for; without a tag, all of the repository.

        Raises the registry's errors, BadImage, InvalidParameter.
        """
        if not asked.reference.is_name_only:
            image, is_new = await self._one(asked)
            images = [image]
        else:
            images, is_new = [], False
            for tag in await tags(asked.reference, asked.auth, self._settings):
                image, changed = await self._one(asked._replace(reference=asked.reference.with_tag(tag)))
                images.append(image)
                is_new = is_new or changed
        what = "Downloaded newer image" if is_new else "Image is up to date"
        self._report(Progress(status=f"Status: {what} for {asked.reference.familiar}"))
        if asked.platform is not None:
            self._warn_of_platform(asked, images, asked.platform)
        return images

    def _warn_of_platform(self, asked: Wanted, images: Sequence[Image], platform: Platform) -> None:
        """Tell, as Docker does, when a registry had one image only, and that for another machine."""
        for image in images:
            try:
                image.check_platform(platform, asked.reference.familiar)
            except PlatformMismatch as mismatch:
                self._report(Progress(status=f"WARNING: {mismatch}"))

    async def _one(self, asked: Wanted) -> tuple[Image, bool]:
        """Fetch one image; return whether its name leads elsewhere now."""
        before = self._store.catalog.lookup(asked.reference)
        fetched: set[Digest] = set()
        try:
            with (
                self._store.blobs.leases.open() as blob_lease,
                self._store.layers.leases.open() as layer_lease,
            ):
                sink = _Sink(self._store, blob_lease)
                fetched = sink.digests

                async def arrived(config: bytes, layers: Sequence[Blob], blob: Blob) -> None:
                    for diff_id, layer in dict(_pairs(parse(config), layers)).items():
                        if layer == blob.digest:
                            await self._unpack(diff_id, layer, layer_lease)

                pulled = await pull(
                    asked.reference,
                    auth=asked.auth,
                    platform=asked.platform,
                    settings=self._settings,
                    blobs=sink,
                    progress=self._tell,
                    slots=self._downloads,
                    arrived=arrived,
                )
                image = await self._adopt(pulled, layer_lease)
        finally:
            await self._store.drop_unused(fetched)
        self._report(Progress(status=f"Digest: {pulled.repo_digest}"))
        return image, before != image.digest

    async def _adopt(self, pulled: PulledImage, lease: Lease) -> Image:
        layers = dict(_pairs(parse(pulled.config), pulled.layers))
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
