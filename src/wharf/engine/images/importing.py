"""`import`: one tar of a root file system becomes an image with one layer."""

import os
import time
from collections.abc import AsyncIterable, Sequence

import msgspec

from wharf.content.layers import Source
from wharf.engine.images import changes as instructions
from wharf.engine.images.errors import BadImage
from wharf.engine.images.image import Image
from wharf.engine.images.store import Store
from wharf.engine.images.upload import receive
from wharf.failpoint import failpoint
from wharf.schema.digest import Digest
from wharf.schema.reference import Reference
from wharf.schema.timestamp import rfc3339

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


async def import_image(
    store: Store,
    stream: AsyncIterable[bytes],
    *,
    changes: Sequence[str],
    message: str,
    name: Reference | None,
    platform: str,
) -> Image:
    """Make an image of the tar in `stream`, compressed or not; raises InvalidParameter, BadImage."""
    config = instructions.apply({}, changes)
    architecture, variant = _platform(platform)
    with store.blobs.leases.open() as blob_lease, store.blobs.writer() as writer:
        await receive(stream, writer.fd, store.lane)
        failpoint("images.import.received")

        async def keep(digest: Digest) -> None:
            blob_lease.hold(digest)
            await store.lane.run(writer.publish, digest)

        with store.layers.leases.open() as lease:
            source = Source(writer.fd, 0, os.fstat(writer.fd).st_size)
            layer = await store.layers.add(source, diff_id=None, lease=lease, keep=keep)
            now = rfc3339(time.time_ns())
            document = {
                "architecture": architecture,
                **({"variant": variant} if variant else {}),
                "comment": message,
                "config": config,
                "created": now,
                "history": [{"created": now, "comment": message}],
                "os": "linux",
                "rootfs": {"type": "layers", "diff_ids": [str(layer.diff_id)]},
            }
            raw = msgspec.json.encode(document)
            return await store.create(raw, lease=lease, names=[] if name is None else [name])


def own_architecture() -> str:
    """Return this machine's architecture, by the name that images have for it."""
    return _MACHINES.get(os.uname().machine, os.uname().machine)


def _platform(text: str) -> tuple[str, str]:
    """Return architecture and variant of `os/architecture/variant`; this machine's where nothing is said."""
    own = own_architecture()
    if not text:
        return own, ""
    system, _, rest = text.lower().partition("/")
    architecture, _, variant = rest.partition("/")
    if system != "linux":
        raise BadImage("operating system is not supported")
    return architecture or own, variant
