"""Images, for the rest of the engine: find, show, name, remove, load, save, import.

What only looks is not asynchronous. Every change is durable when it returns, and told as an event.
"""

import asyncio
import os
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from wharf.content.blobs import Blobs
from wharf.content.folders import Jobs
from wharf.content.layers import Layers
from wharf.content.lease import Lease
from wharf.engine.images import committing, importing, listing, save
from wharf.engine.images.committing import Snapshot
from wharf.engine.images.errors import NoSuchImage, NoSuchReference
from wharf.engine.images.image import Image
from wharf.engine.images.listing import ImageUse, Users
from wharf.engine.images.load import Load, Report
from wharf.engine.images.removal import Removal
from wharf.engine.images.store import Store
from wharf.engine.images.upload import receive, temporary_file
from wharf.errors import Conflict, Internal, InvalidParameter
from wharf.registry.credentials import decode_auth
from wharf.registry.platform import Platform
from wharf.registry.settings import RegistrySettings
from wharf.schema.filters import Filters
from wharf.schema.image import HistoryItem, ImageDeleteItem, ImageInspect, ImagesPruneReport, ImageSummary
from wharf.schema.reference import Reference
from wharf.state.database import Database

if TYPE_CHECKING:
    from wharf.engine.images import pushing

# Inside of the class `list` is the method.
Summaries = list[ImageSummary]
Steps = list[HistoryItem]
Items = list[ImageDeleteItem]
Loaded = list[Image]
Emit = Callable[[str, str, str, Mapping[str, str]], None]

__all__ = ["Image", "ImageUse", "Images", "NoSuchImage", "NoSuchReference", "Report"]

PRUNE_FILTERS = frozenset({"dangling", "label", "label!", "until"})


class Images:
    """All images of this engine. `open` before use, `close` after."""

    def __init__(
        self,
        *,
        db: Database,
        spawner: Jobs,
        blobs: Blobs,
        layers: Layers,
        temporary: str,
        emit: Emit,
        users: Users,
        registry: RegistrySettings | None = None,
    ) -> None:
        """`users` tells which containers were made from an image, `emit` takes events."""
        self._registry = registry or RegistrySettings()
        self._downloads = asyncio.Semaphore(self._registry.downloads)
        self._push_slots: pushing.Slots | None = None
        self._store = Store(db=db, jobs=spawner, blobs=blobs, layers=layers, temporary=temporary)
        self._emit_event = emit
        self._users = users

    def configure(self, registry: RegistrySettings) -> None:
        """Reach registries as `registry` says from now on."""
        self._registry = registry
        self._downloads = asyncio.Semaphore(registry.downloads)

    async def open(self) -> None:
        """Read what there is, and remove what nobody owns."""
        await self._store.open()

    async def close(self) -> None:
        """Wait for what has begun."""
        await self._store.close()

    def resolve(self, text: str) -> Image:
        """Return the image that `text` names: a name, an id, or the beginning of one.

        Raises NoSuchImage (`No such image: x:latest`), InvalidParameter (`invalid reference format`).
        """
        return self._store.catalog.resolve(text)

    def names(self, image: Image) -> list[Reference]:
        """Return the names of an image."""
        return self._store.catalog.names(image.id)

    def descends(self, image_id: str, ancestor_id: str) -> bool:
        """Whether an image is `ancestor_id`, or was made on top of it."""
        image, ancestor = self._store.catalog.get(image_id), self._store.catalog.get(ancestor_id)
        if image is None or ancestor is None:
            return image_id == ancestor_id
        return image.diff_ids[: len(ancestor.diff_ids)] == ancestor.diff_ids

    def list(self, filters: Filters, *, everything: bool = False, shared_size: bool = False) -> Summaries:
        """Return the images that `filters` let pass, newest first; raises InvalidParameter, NoSuchImage."""
        return listing.summaries(
            self._store, self._users, filters, everything=everything, shared_size=shared_size
        )

    def disk_usage(self) -> tuple[int, Summaries]:
        """Return the bytes of all layers, each once, and all images that are not only steps of others."""
        total = listing.SharedLayers(self._store).total
        return total, self.list(Filters(), shared_size=True)

    def inspect(self, text: str, *, platform: str = "") -> ImageInspect:
        """Return everything about an image; raises as `resolve`, PlatformMismatch."""
        return listing.inspect(self._store, self._for_platform(text, platform))

    def history(self, text: str, *, platform: str = "") -> Steps:
        """Return how an image came to be, newest step first; raises as `resolve`, PlatformMismatch."""
        return listing.history(self._store, self._for_platform(text, platform))

    def _for_platform(self, text: str, platform: str) -> Image:
        """Return the image `text`, which must be for `platform` (as the API gives it), if one is given."""
        wanted = Platform.from_json(platform) if platform else None
        image = self.resolve(text)
        if wanted is not None:
            image.check_platform(wanted, text)
        return image

    async def tag(self, text: str, repository: str, tag: str = "") -> None:
        """Give an image another name; raises as `resolve`, InvalidReference."""
        image = self.resolve(text)
        name = unambiguous(target_name(repository, tag))
        if name is None:
            raise InvalidParameter("invalid reference format")
        await self._store.tag(image, name)
        self._tell("tag", image, name.familiar)

    async def remove(
        self, text: str, *, force: bool = False, prune: bool = True, platform: str = ""
    ) -> Items:
        """Remove a name or an image; return what went; raises NoSuchImage, InvalidParameter, Conflict.

        An image that is not for `platform` (as the API gives it), if one is given, is not there.
        """
        wanted = Platform.from_json(platform) if platform else None
        removal = Removal(self._store, self._users, self._tell)
        return await removal.run(text, force=force, prune=prune, platform=wanted)

    async def prune(self, filters: Filters) -> ImagesPruneReport:
        """Remove dangling images, or all unused ones with `dangling=false`; raises InvalidParameter."""
        filters.check(PRUNE_FILTERS)
        only_dangling = filters.boolean("dangling", default=True)
        chosen = Filters({key: filters.get(key) for key in ("until", "label") if key in filters})
        removed: Items = []
        reclaimed = 0
        for summary in listing.summaries(self._store, self._users, chosen, everything=True):
            if self._users(summary.id) or (only_dangling and (summary.repo_tags or summary.repo_digests)):
                continue
            if "label!" in filters and filters.labels("label!", summary.labels):
                continue
            items = await self._prune_one(summary)
            removed += items
            reclaimed += summary.size if any(item.deleted == summary.id for item in items) else 0
        self._emit_event("image", "prune", "", {"reclaimed": str(reclaimed)})
        return ImagesPruneReport(images_deleted=removed or None, space_reclaimed=reclaimed)

    async def _prune_one(self, summary: ImageSummary) -> Items:
        items: Items = []
        for text in [*(summary.repo_digests or ()), *(summary.repo_tags or ())] or [summary.id]:
            try:
                items += await self.remove(text)
            except (Conflict, NoSuchImage):
                continue  # it came into use, or went, meanwhile
        return items

    async def load(
        self,
        stream: AsyncIterable[bytes],
        *,
        quiet: bool = False,
        platform: str = "",
        report: Report = lambda _: None,
    ) -> Loaded:
        """Load the images of an archive, or those for `platform`; `report` gets the progress stream.

        Raises InvalidParameter kinds for archives that are broken or hostile.
        """
        wanted = Platform.from_json(platform) if platform else None
        return await Load(self._store, self._tell, report, quiet=quiet, platform=wanted).run(stream)

    async def save(self, texts: Sequence[str], *, platform: str = "") -> AsyncIterator[bytes]:
        """Return the archive of the images that `texts` name; raises NoSuchImage, NoSuchReference at once.

        An image for another machine than `platform` is Internal, as in Docker.
        """
        machine = Platform.from_json(platform) if platform else None
        wanted = save.choose(self._store, texts)
        for each in wanted:
            if machine is not None and not machine.can_run(each.image.platform):
                raise Internal(f"no suitable export target found for platform {machine}")
        for each in wanted:
            self._tell("save", each.image)
        return save.write(self._store, wanted)

    async def import_image(
        self,
        stream: AsyncIterable[bytes],
        *,
        changes: Sequence[str] = (),
        message: str = "",
        repository: str = "",
        tag: str = "",
        platform: str = "",
    ) -> Image:
        """Make an image of one tar; raises InvalidParameter kinds."""
        name = target_name(repository, tag)
        image = await importing.import_image(
            self._store,
            stream,
            changes=changes,
            message=message or "Imported from -",
            name=name,
            platform=platform,
        )
        if name is not None:
            self._tell("tag", image, name.familiar)
        self._tell("import", image)
        return image

    async def pull(self, name: str, *, tag: str, platform: str, auth: str, report: Report) -> None:
        """Fetch an image, or without a tag all of a repository; `tag` may be a digest.

        `auth` is X-Registry-Auth as it came. Raises InvalidParameter kinds, and the errors of
        `wharf.registry.errors`.
        """
        # The client's half of aiohttp is imported when the first pull begins.
        from wharf.engine.images import pulling  # noqa: PLC0415 - see above

        asked = pulling.wanted(name, tag=tag, platform=platform, auth=auth)
        images = await pulling.Pull(self._store, self._registry, self._downloads, report).run(asked)
        reference = asked.reference
        labels = images[0].config.labels or {} if len(images) == 1 else {}
        attributes = {**labels, "name": reference.familiar_name}
        self._emit_event("image", "pull", reference.familiar, attributes)

    async def push(self, name: str, *, tag: str, platform: str, auth: str, report: Report) -> None:
        """Send a tag to its registry, or all of a repository; `auth` is X-Registry-Auth as it came.

        Raises InvalidParameter kinds, NotFound, and the errors of `wharf.registry.errors`.
        """
        from wharf.engine.images import pushing  # noqa: PLC0415 - as in `pull`

        reference = Reference.parse(name)
        if tag:
            reference = reference.with_tag(tag)
        wanted = Platform.from_json(platform) if platform else None
        self._push_slots = self._push_slots or pushing.Slots(self._registry.uploads)
        push = pushing.Push(self._store, self._registry, self._push_slots, report)
        await push.run(reference, decode_auth(auth), wanted)
        self._emit_event("image", "push", reference.familiar, {"name": reference.familiar_name})

    async def receive(self, stream: AsyncIterable[bytes]) -> int:
        """Return an upload as a file without a name, the caller's to close; raises Internal."""
        fd = temporary_file(self._store.temporary)
        try:
            await receive(stream, fd, self._store.lane)
        except BaseException:
            os.close(fd)
            raise
        return fd

    async def commit(self, snapshot: Snapshot, *, name: Reference | None) -> Image:
        """Make an image of a container's layer; raises BadImage, NoSuchLayer, Internal."""
        image = await committing.commit(self._store, snapshot, name=name)
        self._tell("create", image)
        if name is not None:
            self._tell("tag", image, name.familiar)
        return image

    async def adopt(self, config: bytes, *, names: Iterable[Reference], lease: Lease) -> Image:
        """Record a built or committed image, whose layers are in `layers` and held by `lease`.

        `names` may have tags and digests. Raises BadImage, NoSuchLayer. The caller tells the event.
        """
        return await self._store.create(config, lease=lease, names=names)

    def _tell(self, action: str, image: Image | str, name: str = "") -> None:
        image_id = image if isinstance(image, str) else image.id
        labels = {} if isinstance(image, str) else image.config.labels or {}
        self._emit_event("image", action, image_id, {**labels, "name": name or image_id})


def target_name(repository: str, tag: str = "") -> Reference | None:
    """Return the name that `repo` and `tag` of a request mean, None for none; raises InvalidReference."""
    if not repository:
        return None
    name = Reference.parse(repository)
    if name.digest is not None:
        raise InvalidParameter("cannot import digest reference")
    return name.with_tag(tag) if tag else name.tagged()


def unambiguous(name: Reference | None) -> Reference | None:
    """Return a name for an image; raises InvalidParameter where it looks like an id."""
    if name is not None and name.familiar_name == "sha256":
        raise InvalidParameter("refusing to create an ambiguous tag using digest algorithm as name")
    return name
