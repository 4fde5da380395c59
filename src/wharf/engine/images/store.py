"""The images' store: catalog, config blobs and layers, changed together.

Every change is one transaction; memory follows the commit. An image is recorded only when its config is on
disk and its layers are linked and held, so that a crash leaves images that are whole, and garbage that the
next start removes. Changes are made one after another; looking does not wait.
"""

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeVar

from wharf import limits
from wharf.aio.lane import Lane
from wharf.content.blobs import Blobs, NoSuchBlob, WrongContent
from wharf.content.folders import Jobs
from wharf.content.keyed_lock import KeyedLock
from wharf.content.layers import Layers
from wharf.content.lease import Lease
from wharf.content.uninterrupted import uninterrupted
from wharf.engine.images import catalog as table
from wharf.engine.images import places
from wharf.engine.images.catalog import Catalog
from wharf.engine.images.errors import BadImage
from wharf.engine.images.image import Image, parse
from wharf.engine.images.places import StoredManifest
from wharf.failpoint import failpoint
from wharf.schema.digest import Digest
from wharf.schema.reference import Reference
from wharf.state.database import Database

T = TypeVar("T")

_THREADS = 2
_log = logging.getLogger(__name__)


class Store:
    """All there is of images; `open` before use, `close` after."""

    def __init__(self, *, db: Database, jobs: Jobs, blobs: Blobs, layers: Layers, temporary: str) -> None:
        self._db = db
        self._changing = asyncio.Lock()
        self.jobs = jobs
        self.blobs = blobs
        self.layers = layers
        self.temporary = temporary
        self.catalog = Catalog()
        self.lane = Lane("images", _THREADS)
        self.fetching = KeyedLock()

    async def open(self) -> None:
        """Read the catalog, and remove blobs and temporary files that nothing refers to."""
        await self._db.migrate("images", table.MIGRATIONS)
        images, names = await self._db.read(table.load)
        for image_id, parent, last_tagged in images:
            try:
                raw = self.blobs.read(image_id, limits.IMAGE_CONFIG)
            except (NoSuchBlob, WrongContent) as error:
                _log.warning("image %s cannot be read: %s", image_id, error)
                continue
            self.catalog.add(parse(raw, parent=parent, last_tagged=last_tagged))
        for name, image_id in names:
            if image_id in self.catalog:
                self.catalog.point(name, image_id)
        await self.sweep()

    async def close(self) -> None:
        """Wait for what has begun."""
        await self.lane.close()

    async def sweep(self) -> None:
        """Remove what no image refers to: layers, blobs, temporary files. For the start."""
        await self.layers.collect()
        await self._db.write(places.forget_lost)
        referenced = await self._db.read(_referenced_blobs)
        await self.lane.run(self.blobs.sweep, referenced)
        await self.lane.run(_empty, self.temporary)

    async def create(
        self,
        raw: bytes,
        *,
        lease: Lease,
        names: Iterable[Reference] = (),
        parent: Digest | None = None,
        manifest: StoredManifest | None = None,
    ) -> Image:
        """Record the image that the config `raw` describes, whose layers are here and leased.

        `names` lead to it then, wherever they led before; `manifest` is what it came by. Raises BadImage,
        NoSuchLayer.
        """
        given = list(names)
        image = parse(raw, parent=parent)
        with self.blobs.leases.open() as blob_lease:
            blob_lease.hold(image.id)
            chain = await self.layers.link(image.diff_ids, lease=lease) if image.diff_ids else None
            await self.lane.run(self.blobs.put, raw)
            if manifest is not None:
                blob_lease.hold(manifest.digest)
                await self.lane.run(self.blobs.put, manifest.body)
            failpoint("images.config.stored")
            await self.layers.ready(chain)
            async with self._changing:
                known = self.catalog.get(image.id) or image
                tagged = time.time_ns() if given else known.last_tagged
                image = replace(known, parent=known.parent or parent, last_tagged=tagged)
                await uninterrupted(self._record(image, given, manifest))
        return image

    async def _record(
        self, image: Image, names: Sequence[Reference], manifest: StoredManifest | None = None
    ) -> None:
        chain = image.chain_id

        def work(connection: sqlite3.Connection) -> None:
            table.record(connection, image)
            if chain is not None:
                self.layers.hold_in(connection, image.id, chain)
            table.record_names(connection, dict.fromkeys(names, image.id))
            if manifest is not None:
                places.record_manifest(connection, image.id, manifest)

        await self._db.write(work)
        self.catalog.add(image)
        for name in names:
            self.catalog.point(name, image.digest)
        failpoint("images.recorded")

    async def tag(self, image: Image, name: Reference) -> None:
        """Let `name` lead to `image`, wherever it led before."""
        async with self._changing:
            if image.id not in self.catalog:
                raise BadImage(f"image {image.id} was removed meanwhile")
            await uninterrupted(self._record(replace(image, last_tagged=time.time_ns()), [name]))

    async def name(self, image: Image, name: Reference) -> None:
        """Let `name` lead to `image`, if that is still here, without its being tagged by a user."""
        async with self._changing:
            known = self.catalog.get(image.id)
            if known is not None:
                await uninterrupted(self._record(known, [name]))

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `work` reads from the database."""
        return await self._db.read(work)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do a transaction that changes neither the catalog nor layers."""
        return await self._db.write(work)

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[None]:
        """Keep all changes but `untag` and `delete` out, for a decision that takes several of them."""
        async with self._changing:
            yield

    async def untag(self, names: Sequence[Reference]) -> None:
        """Forget names; inside of `changing`."""
        await uninterrupted(self._untag(names))

    async def _untag(self, names: Sequence[Reference]) -> None:
        await self._db.write(lambda connection: table.erase_names(connection, names))
        for name in names:
            self.catalog.unpoint(name)
        failpoint("images.untagged")

    async def delete(self, image: Image) -> list[str]:
        """Forget an image and its names, and remove what only it needed; inside of `changing`.

        Returns the chains that went, highest first.
        """
        return await uninterrupted(self._delete(image))

    async def _delete(self, image: Image) -> list[str]:
        def work(connection: sqlite3.Connection) -> list[Digest]:
            manifests = places.manifests_of(connection, image.id)
            table.erase(connection, image.id)
            self.layers.drop_in(connection, image.id)
            return [digest for digest, _ in manifests]

        manifests = await self._db.write(work)
        self.catalog.discard(image.id)
        failpoint("images.deleted")
        gone = await self.layers.collect()
        await self.lane.run(self._delete_blobs, [*gone.blobs, *manifests, image.digest])
        return [chain for chain in image.chain_ids if chain in gone.chains]

    def _delete_blobs(self, digests: Iterable[Digest]) -> None:
        for digest in digests:
            self.blobs.delete(digest)

    async def drop_unused(self, digests: Iterable[Digest]) -> None:
        """Remove the blobs among `digests` that no image and no layer refers to, and nobody leases."""
        unused = [each for each in digests if each not in self.catalog and not self.layers.keeps(each)]
        await self.lane.run(self._delete_blobs, unused)

    async def work(self, name: str, args: Mapping[str, object], fds: Sequence[int]) -> dict[str, object]:
        """Run a job whose whole world is an empty folder, given to it behind its own descriptors."""
        folder = f"{self.temporary}/empty"
        os.makedirs(folder, mode=0o700, exist_ok=True)
        world = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return await self.jobs.job(name, args, [*fds, world])
        finally:
            os.close(world)

    def size(self, image: Image) -> int:
        """Return the bytes of all files in all layers of an image."""
        return sum(layer.size for layer in self.layers.stack(image.chain_id))


def _referenced_blobs(connection: sqlite3.Connection) -> set[str]:
    query = "SELECT id FROM image UNION SELECT blob FROM layer UNION SELECT digest FROM image_manifest"
    return {row[0] for row in connection.execute(query)}


def _empty(folder: str) -> None:
    """Remove the files in a folder, and empty folders."""
    for name in os.listdir(folder):
        path = f"{folder}/{name}"
        if os.path.isdir(path) and not os.path.islink(path):
            os.rmdir(path)
        else:
            os.unlink(path)
