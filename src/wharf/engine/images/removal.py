"""`rmi`: which names and images go, and what stands in the way; Docker's rules, in Docker's order.

A name goes first; the image follows when that was its last one. An image that a running container uses, or
that others were made from, stays even by force; a stopped container or several repositories only ask for it.
"""

from collections.abc import Callable

from wharf.engine.images.errors import ImageInUse, ReferenceInUse
from wharf.engine.images.image import Image
from wharf.engine.images.listing import Users
from wharf.engine.images.store import Store
from wharf.registry.platform import Platform
from wharf.schema.image import ImageDeleteItem
from wharf.schema.reference import Reference

Emit = Callable[[str, Image | str], None]
"""`emit(action, image)`: tells an event; a deleted image is told of by its id."""


def _short(identifier: str) -> str:
    return identifier.removeprefix("sha256:")[:12]


def is_id_prefix(image: Image, text: str) -> bool:
    """Whether `text` is the beginning of the image's id, not a name."""
    return image.id.startswith(text) or image.digest.hex.startswith(text)


def is_single(names: list[Reference]) -> bool:
    """Whether an image has at most one tag, and digests in that one's repository only."""
    if len(names) <= 1:
        return True
    tagged = [name for name in names if name.digest is None]
    repositories = {name.name for name in names if name.digest is not None}
    if len(tagged) > 1:
        return False
    return repositories == {(tagged or names)[0].name}


class Removal:
    """One removal, under the store's lock; `items` is what has happened so far."""

    def __init__(self, store: Store, users: Users, emit: Emit) -> None:
        self._store = store
        self._users = users
        self._emit = emit
        self.items: list[ImageDeleteItem] = []

    async def run(
        self, text: str, *, force: bool, prune: bool, platform: Platform | None = None
    ) -> list[ImageDeleteItem]:
        """Remove what `text` names; raises NoSuchImage, PlatformMismatch, ReferenceInUse, ImageInUse."""
        async with self._store.changing():
            image = self._store.catalog.resolve(text)
            if platform is not None:
                image.check_platform(platform, text)
            if is_id_prefix(image, text):
                if is_single(self._names(image)):
                    self._check(image, force=force, ignore_names=True)
                    for name in self._names(image):
                        await self._untag(image, name)
                await self._delete(image, force=force, prune=prune, quiet=False)
            elif await self._remove_name(image, text, force=force):
                await self._delete(image, force=force, prune=prune, quiet=True)
            return self.items

    async def _remove_name(self, image: Image, text: str, *, force: bool) -> bool:
        """Remove the name `text`; return whether it was the last one."""
        names = self._names(image)
        if not force and is_single(names) and (uses := self._users(image.id)):
            raise ReferenceInUse(text, _short(uses[0].container_id), image.digest.short)
        name = Reference.parse(text).tagged()
        if name.digest is not None:
            name = name.with_digest(name.digest)
        await self._untag(image, name)
        rest = self._names(image)
        if name.digest is None and not any(
            other.digest is None and other.name == name.name for other in rest
        ):
            # Digests of a repository go with its last tag.
            for other in rest:
                if other.name == name.name:
                    await self._untag(image, other, is_told=False)
        return not self._names(image)

    async def _delete(self, image: Image, *, force: bool, prune: bool, quiet: bool) -> None:
        try:
            self._check(image, force=force, ignore_names=False)
        except ImageInUse as conflict:
            if quiet and (conflict.is_used or not self._is_dangling(image)):
                return
            raise
        for name in self._names(image):
            await self._untag(image, name)
        chains = await self._store.delete(image)
        self._emit("delete", image.id)
        self.items.append(ImageDeleteItem(deleted=image.id))
        self.items.extend(ImageDeleteItem(deleted=chain) for chain in chains)
        parent = self._store.catalog.get(image.parent) if prune and image.parent else None
        if parent is not None:
            await self._delete(parent, force=False, prune=True, quiet=True)

    def _check(self, image: Image, *, force: bool, ignore_names: bool) -> None:
        """Raise ImageInUse when something needs the image."""
        if self._store.catalog.children(image.id):
            raise self._conflict(image, "image has dependent child images", is_hard=True)
        uses = self._users(image.id)
        for use in uses:
            if use.is_running:
                cause = f"image is being used by running container {_short(use.container_id)}"
                raise self._conflict(image, cause, is_hard=True, is_used=True)
        if force:
            return
        if not ignore_names and self._names(image):
            raise self._conflict(image, "image is referenced in multiple repositories")
        if uses:
            cause = f"image is being used by stopped container {_short(uses[0].container_id)}"
            raise self._conflict(image, cause, is_used=True)

    @staticmethod
    def _conflict(image: Image, cause: str, *, is_hard: bool = False, is_used: bool = False) -> ImageInUse:
        return ImageInUse(image.digest.short, cause, is_hard=is_hard, is_used=is_used)

    def _names(self, image: Image) -> list[Reference]:
        return self._store.catalog.names(image.id)

    def _is_dangling(self, image: Image) -> bool:
        return not self._names(image) and not self._store.catalog.children(image.id)

    async def _untag(self, image: Image, name: Reference, *, is_told: bool = True) -> None:
        await self._store.untag([name])
        if is_told:
            self._emit("untag", image)
        self.items.append(ImageDeleteItem(untagged=name.familiar))
