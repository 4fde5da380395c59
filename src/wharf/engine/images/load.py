"""`load`: images out of an archive, as `save` and other tools write it.

The upload goes into a nameless file; a worker lists it, others unpack the layers that are not here yet, two
at a time, each verified against the diff id that the config gives. Nothing is visible before its image is
whole.
"""

import asyncio
import os
from collections.abc import AsyncIterable, Callable, Mapping

from wharf.content.layers import Source
from wharf.content.lease import Lease
from wharf.engine.images.archive import Archive, Described, Range
from wharf.engine.images.errors import BadImage
from wharf.engine.images.image import Image, parse
from wharf.engine.images.store import Store
from wharf.engine.images.upload import receive, temporary_file
from wharf.failpoint import failpoint
from wharf.registry.platform import Platform
from wharf.schema.digest import Digest
from wharf.schema.image import Progress, ProgressDetail
from wharf.schema.reference import Reference

Report = Callable[[Progress], None]

_AT_ONCE = 2
_LIST_MAX = 64 * 1024 * 1024


class Load:
    """One load; `report` gets the lines of the progress stream."""

    def __init__(
        self,
        store: Store,
        emit: Callable[[str, Image], None],
        report: Report,
        *,
        quiet: bool,
        platform: Platform | None = None,
    ) -> None:
        """With `platform`, images for other machines are passed over."""
        self._platform = platform
        self._store = store
        self._emit = emit
        self._report = report
        self._quiet = quiet
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def run(self, stream: AsyncIterable[bytes]) -> list[Image]:
        """Load every image in the archive; raises BadImage, InvalidReference, InvalidParameter."""
        upload = temporary_file(self._store.temporary)
        try:
            await receive(stream, upload, self._store.lane)
            failpoint("images.load.received")
            plain = temporary_file(self._store.temporary)
            try:
                listing, is_compressed = await self._list(upload, plain)
                archive = Archive(plain if is_compressed else upload, listing)
                described = await self._store.lane.run(archive.images)
                return await self._load_all(plain if is_compressed else upload, described)
            finally:
                os.close(plain)
        finally:
            os.close(upload)

    async def _list(self, upload: int, plain: int) -> tuple[bytes, bool]:
        listing = temporary_file(self._store.temporary)
        folder = f"{self._store.temporary}/empty"
        os.makedirs(folder, mode=0o700, exist_ok=True)
        world = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            result = await self._store.jobs.job("content.list-archive", {}, [upload, world, listing, plain])
            if os.fstat(listing).st_size > _LIST_MAX:
                raise BadImage("too many members in the archive")
            return os.pread(listing, _LIST_MAX, 0), result["compression"] != "none"
        finally:
            os.close(world)
            os.close(listing)

    async def _load_all(self, fd: int, described: list[Described]) -> list[Image]:
        images = []
        ids: list[str] = []
        is_named = False
        for each in described:
            if self._platform is not None and not self._platform.can_run(parse(each.config).platform):
                continue
            image = await self._load_one(fd, each)
            images.append(image)
            ids.append(f"Loaded image ID: {image.id}\n")
            for name in each.names:
                is_named = True
                self._report(Progress(stream=f"Loaded image: {name.familiar}\n"))
            self._emit("load", image)
        if ids and not is_named:
            self._report(Progress(stream="".join(ids)))
        return images

    async def _load_one(self, fd: int, described: Described) -> Image:
        image = parse(described.config)
        if len(described.layers) != len(image.diff_ids):
            raise BadImage(
                f"invalid manifest, layers length mismatch: "
                f"expected {len(described.layers)}, got {len(image.diff_ids)}"
            )
        with self._store.layers.leases.open() as lease:
            await self._layers(fd, dict(zip(image.diff_ids, described.layers, strict=True)), lease)
            for name in described.names:
                self._tell_of_renaming(name, image)
            parent = described.parent if described.parent in self._known() else None
            return await self._store.create(
                described.config, lease=lease, names=described.names, parent=parent
            )

    async def _layers(self, fd: int, layers: Mapping[Digest, Range], lease: Lease) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                for diff_id, at in layers.items():
                    tasks.create_task(self._layer(fd, diff_id, at, lease))
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None  # the others were cancelled for it, or say the same

    def _known(self) -> set[Digest]:
        return {image.digest for image in self._store.catalog}

    def _tell_of_renaming(self, name: Reference, image: Image) -> None:
        old = self._store.catalog.lookup(name)
        if old is not None and old != image.id:
            self._report(
                Progress(
                    stream=f"The image {name.familiar} already exists, "
                    f"renaming the old one with ID {old} to empty string\n"
                )
            )

    async def _layer(self, fd: int, diff_id: Digest, at: Range, lease: Lease) -> None:
        """Unpack one layer, unless it is here, and keep its bytes as a blob."""
        async with self._slots:
            blobs = self._store.blobs
            with blobs.leases.open() as blob_lease, blobs.writer() as writer:
                source = Source(fd, at.offset, at.size, copy_fd=writer.fd)
                progress = None if self._quiet else self._progress_of(diff_id, at.size)

                async def keep(digest: Digest) -> None:
                    blob_lease.hold(digest)
                    await self._store.lane.run(writer.publish, digest)

                await self._store.layers.add(
                    source, diff_id=diff_id, lease=lease, keep=keep, progress=progress
                )

    def _progress_of(self, diff_id: Digest, total: int) -> Callable[[dict[str, object]], None]:
        def tell(event: dict[str, object]) -> None:
            current = event.get("current")
            if isinstance(current, int):
                detail = ProgressDetail(current=current, total=total)
                self._report(Progress(id=diff_id.short, status="Loading layer", progress_detail=detail))

        return tell
