"""Images as the API shows them: `GET /images/json`, inspect, history."""

import fnmatch
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from wharf.engine.images.errors import BadImage
from wharf.engine.images.image import Image
from wharf.engine.images.store import Store
from wharf.errors import InvalidParameter
from wharf.schema.container import DriverData
from wharf.schema.filters import Filters
from wharf.schema.image import (
    HistoryItem,
    ImageInspect,
    ImageMetadata,
    ImageRootFS,
    ImageSummary,
)
from wharf.schema.oci import History
from wharf.schema.reference import Reference
from wharf.schema.timestamp import from_rfc3339, rfc3339

LIST_FILTERS = frozenset({"before", "dangling", "label", "reference", "since", "until"})
_SECOND = 1_000_000_000


class ImageUse(NamedTuple):
    """A container that was made from an image."""

    container_id: str
    is_running: bool


Users = Callable[[str], Sequence[ImageUse]]


def tags(names: Sequence[Reference]) -> list[str]:
    """Return the names with tags, as users write them."""
    return [name.familiar for name in names if name.digest is None]


def digests(names: Sequence[Reference]) -> list[str]:
    """Return the names with digests, as users write them."""
    return [name.familiar for name in names if name.digest is not None]


def summaries(
    store: Store, users: Users, filters: Filters, *, everything: bool, shared_size: bool = False
) -> list[ImageSummary]:
    """Return the images that `filters` let pass, newest first; without `everything` no intermediate ones.

    Raises InvalidParameter for an unknown filter, NoSuchImage for one that names no image.
    """
    filters.check(LIST_FILTERS)
    is_dangling = filters.boolean("dangling", default=False) if "dangling" in filters else None
    in_time = _time_filter(store, filters)
    found = []
    for image in store.catalog:
        names = _shown_names(store.catalog.names(image.id), filters)
        is_bare = not names
        if is_bare and ("reference" in filters or is_dangling is False):
            continue
        if is_bare and not everything and store.catalog.children(image.id):
            continue
        if is_dangling and tags(names):
            continue
        if not in_time(image) or not filters.labels("label", image.config.labels):
            continue
        found.append(image)
    found.sort(key=lambda image: image.created, reverse=True)
    shared = SharedLayers(store) if shared_size else None
    return [_summary(store, users, image, filters, shared) for image in found]


class SharedLayers:
    """Which layers more than one image has; a layer over other layers is another one."""

    def __init__(self, store: Store) -> None:
        self._sizes: dict[str, int] = {}
        self._images: Counter[str] = Counter()
        for image in store.catalog:
            layers = store.layers.stack(image.chain_id)
            chains = image.chain_ids[::-1]
            self._sizes.update(zip(chains, (layer.size for layer in layers), strict=True))
            self._images.update(chains)

    def of(self, image: Image) -> int:
        """Return the bytes of an image's layers that another image has, too."""
        return sum(self._sizes[chain] for chain in image.chain_ids if self._images[chain] > 1)

    @property
    def total(self) -> int:
        """Bytes of all layers of all images, each counted once."""
        return sum(self._sizes.values())


def _shown_names(names: Sequence[Reference], filters: Filters) -> list[Reference]:
    patterns = filters.get("reference")
    return [name for name in names if not patterns or any(_is_like(name, pattern) for pattern in patterns)]


def _is_like(name: Reference, pattern: str) -> bool:
    """Whether a glob fits a name with or without its tag; `*` does not match `/`, as in Go's path.Match."""
    return any(_glob(text, pattern) for text in (name.familiar, name.familiar_name))


def _glob(text: str, pattern: str) -> bool:
    parts, patterns = text.split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(map(fnmatch.fnmatchcase, parts, patterns))


def _time_filter(store: Store, filters: Filters) -> Callable[[Image], bool]:
    """Return what tells whether an image was made between the images and times that were given."""
    before = [store.catalog.resolve(text).created for text in filters.get("before")]
    since = [store.catalog.resolve(text).created for text in filters.get("since")]
    before += [_moment(text) for text in filters.get("until")]
    return lambda image: (
        all(image.created < end for end in before) and all(image.created > start for start in since)
    )


def _moment(text: str) -> int:
    """Return a filter's time in ns: a unix time, RFC 3339, or a duration back from now; InvalidParameter."""
    try:
        return int(float(text) * _SECOND)
    except ValueError:
        pass
    try:
        return from_rfc3339(text)
    except ValueError:
        pass
    units = {"s": 1, "m": 60, "h": 3600}
    if text[-1:] in units and text[:-1].isdecimal():
        return time.time_ns() - int(text[:-1]) * units[text[-1]] * _SECOND
    raise InvalidParameter(f'invalid value for "until" filter: "{text}"')


def _summary(
    store: Store, users: Users, image: Image, filters: Filters, shared: SharedLayers | None
) -> ImageSummary:
    names = _shown_names(store.catalog.names(image.id), filters)
    return ImageSummary(
        containers=len(users(image.id)),
        created=image.created // _SECOND,
        id=image.id,
        labels=image.config.labels,
        parent_id=str(image.parent or ""),
        repo_digests=digests(names),
        repo_tags=tags(names),
        shared_size=-1 if shared is None else shared.of(image),
        size=store.size(image),
    )


def inspect(store: Store, image: Image) -> ImageInspect:
    """Return everything about an image."""
    names = store.catalog.names(image.id)
    file = image.file
    return ImageInspect(
        id=image.id,
        repo_tags=tags(names),
        repo_digests=digests(names),
        parent=str(image.parent or ""),
        comment=image.comment,
        created=rfc3339(image.created) if image.created else "",
        docker_version=file.docker_version,
        author=file.author,
        architecture=file.architecture,
        variant=file.variant,
        os=file.os or "linux",
        os_version=file.os_version,
        size=store.size(image),
        graph_driver=DriverData(data=store.layers.describe_chain(image.chain_id) or None, name="overlay2"),
        root_fs=ImageRootFS(layers=[str(diff_id) for diff_id in image.diff_ids]),
        metadata=ImageMetadata(last_tag_time=rfc3339(image.last_tagged)),
        config=image.config,
    )


def history(store: Store, image: Image) -> list[HistoryItem]:
    """Return how an image came to be, newest step first; raises BadImage."""
    layers = iter(store.layers.stack(image.chain_id))
    items: list[HistoryItem] = []
    for step in image.file.history or []:
        size = 0 if step.empty_layer else next(layers).size
        items.append(_item(step, size))
    items.reverse()
    return _with_ids(store, image, items)


def _item(step: History, size: int) -> HistoryItem:
    try:
        created = from_rfc3339(step.created) // _SECOND if step.created else 0
    except ValueError as error:
        raise BadImage(f"invalid history: {error}") from error
    return HistoryItem(
        comment=step.comment, created=created, created_by=step.created_by, id="<missing>", size=size
    )


def _with_ids(store: Store, image: Image, items: list[HistoryItem]) -> list[HistoryItem]:
    """Give the newest step the image's id, and older ones those of its parents, as far as they are known."""
    known: Image | None = image
    shown: list[HistoryItem] = []
    for item in items:
        if known is None:
            shown.append(item)
            continue
        names = tags(store.catalog.names(known.id))
        shown.append(_named(item, known.id, names or None))
        known = store.catalog.get(known.parent) if known.parent else None
    return shown


def _named(item: HistoryItem, image_id: str, names: list[str] | None) -> HistoryItem:
    return HistoryItem(
        comment=item.comment,
        created=item.created,
        created_by=item.created_by,
        id=image_id,
        size=item.size,
        tags=names,
    )
