"""`commit`: what a container has changed becomes the layer of a new image."""

import os
import time
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from wharf.content.layers import Source
from wharf.content.lease import Lease
from wharf.content.tar.writer import END
from wharf.engine.images.image import Image
from wharf.engine.images.importing import own_architecture
from wharf.engine.images.store import Store
from wharf.failpoint import failpoint
from wharf.schema.digest import Digest
from wharf.schema.oci import History
from wharf.schema.reference import Reference
from wharf.schema.timestamp import rfc3339
from wharf.schema.version import COMPATIBLE_WITH


class Snapshot(NamedTuple):
    """What an image is made of: a container's layer, and what is to be said of it.

    `parent` is None where the container has no image, or that is gone; configs are documents.
    """

    container: str
    parent: Image | None
    config: Mapping[str, object]
    container_config: Mapping[str, object]
    created_by: str
    author: str
    comment: str


async def commit(store: Store, snapshot: Snapshot, *, name: Reference | None) -> Image:
    """Record the image; an empty layer is left out. Raises BadImage, NoSuchLayer, Internal."""
    layers = store.layers
    with store.layers.leases.open() as lease, store.blobs.leases.open() as blob_lease:
        below = [layer.diff_id for layer in layers.stack(layers.chain_of(snapshot.container))]
        if below:
            await layers.link(below, lease=lease)
        layer = await _layer(store, snapshot.container, lease, blob_lease)
        diff_ids = [*below, *([] if layer is None else [layer])]
        raw = msgspec.json.encode(_document(snapshot, diff_ids, is_empty=layer is None))
        names = [] if name is None else [name]
        parent = None if snapshot.parent is None else snapshot.parent.digest
        return await store.create(raw, lease=lease, names=names, parent=parent)


async def _layer(store: Store, container: str, lease: Lease, blob_lease: Lease) -> Digest | None:
    """Pack a container's changes and make a layer of them; None when there are none."""
    with store.blobs.writer() as writer:
        await store.layers.pack_changes(container, writer.fd)
        failpoint("images.commit.packed")
        size = os.fstat(writer.fd).st_size
        if size == len(END):
            return None

        async def keep(digest: Digest) -> None:
            blob_lease.hold(digest)
            await store.lane.run(writer.publish, digest)

        source = Source(writer.fd, 0, size)
        return (await store.layers.add(source, diff_id=None, lease=lease, keep=keep)).diff_id


def _document(snapshot: Snapshot, diff_ids: list[Digest], *, is_empty: bool) -> dict[str, object]:
    now = rfc3339(time.time_ns())
    parent = None if snapshot.parent is None else snapshot.parent.file
    step = History(
        created=now,
        created_by=snapshot.created_by,
        author=snapshot.author,
        comment=snapshot.comment,
        empty_layer=is_empty,
    )
    document: dict[str, object] = {
        "architecture": (parent.architecture if parent else "") or own_architecture(),
        "config": snapshot.config,
        "container": snapshot.container,
        "container_config": snapshot.container_config,
        "created": now,
        "docker_version": COMPATIBLE_WITH,
        "history": [*((parent.history if parent else None) or ()), step],
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [str(diff_id) for diff_id in diff_ids]},
    }
    if snapshot.author:
        document["author"] = snapshot.author
    if parent is not None and parent.variant:
        document["variant"] = parent.variant
    if parent is not None and parent.os_version:
        document["os.version"] = parent.os_version
    if parent is not None and parent.os_features:
        document["os.features"] = parent.os_features
    return document
