"""`push`: images to a registry, layers first, then the config, then the manifest.

An image that came from a registry goes on under the very manifest it came by, if the blobs that names are
still here; any other gets a manifest of Docker's (schema 2) over gzip layers, the same one each time.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from typing import NamedTuple

import msgspec

from wharf import limits
from wharf.content.layer import Layer
from wharf.content.lease import Lease
from wharf.engine.images import places
from wharf.engine.images.errors import NoSuchImage
from wharf.engine.images.image import Image
from wharf.engine.images.load import Report
from wharf.engine.images.places import Form, StoredManifest
from wharf.engine.images.store import Store
from wharf.engine.images.upload import temporary_file
from wharf.errors import InvalidParameter, NotFound
from wharf.registry import progress as words
from wharf.registry.client import push as client
from wharf.registry.client.registry import Repository
from wharf.registry.credentials import Credentials
from wharf.registry.platform import Platform
from wharf.registry.progress import PullProgress
from wharf.registry.settings import RegistrySettings
from wharf.schema.digest import Digest
from wharf.schema.image import Progress, ProgressDetail
from wharf.schema.oci import Manifest
from wharf.schema.reference import Reference

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_PIECE = 256 * limits.KIB
_COMPRESSING = 2


class Slots:
    """How much goes on at a time, over all pushes of an engine."""

    def __init__(self, uploads: int) -> None:
        self.uploads = asyncio.Semaphore(uploads)
        self.compressing = asyncio.Semaphore(_COMPRESSING)


class _Pushed(NamedTuple):
    """A manifest that a registry has now."""

    manifest: StoredManifest
    layers: Mapping[Digest, Digest]


class Push:
    """One push; `report` gets the lines of the progress stream."""

    def __init__(self, store: Store, settings: RegistrySettings, slots: Slots, report: Report) -> None:
        self._store = store
        self._settings = settings
        self._slots = slots
        self._report = report

    async def run(self, reference: Reference, auth: Credentials | None, platform: Platform | None) -> None:
        """Push the tag of `reference`, or all of its repository when it has none.

        Raises NotFound, PlatformMismatch, InvalidParameter and the errors of `wharf.registry.errors`.
        """
        if platform is not None:
            self._check_platform(reference, platform)
        self._report(Progress(status=f"The push refers to repository [{reference.name}]"))
        if not self._store.catalog.names_in(reference.name):
            raise NotFound(f"An image does not exist locally with the tag: {reference.familiar_name}")
        if reference.digest is not None:
            raise InvalidParameter("cannot push a digest reference")
        async with client.repository(reference, auth, self._settings) as to:
            for name, image in self._chosen(reference):
                await self._push_one(to, name, image)

    def _check_platform(self, reference: Reference, platform: Platform) -> None:
        image = self._store.catalog.get(self._store.catalog.lookup(reference) or "")
        if image is None:
            raise NoSuchImage(reference.tagged().familiar)
        image.check_platform(platform, reference.familiar)

    def _chosen(self, reference: Reference) -> list[tuple[Reference, Image]]:
        catalog = self._store.catalog
        pairs = [(name, catalog.get(image_id)) for name, image_id in catalog.names_in(reference.name)]
        chosen = [(name, image) for name, image in pairs if image is not None and name.digest is None]
        if reference.tag is None:
            return chosen
        chosen = [(name, image) for name, image in chosen if name.tag == reference.tag]
        if not chosen:
            raise NotFound(f"tag does not exist: {reference.familiar}")
        return chosen

    async def _push_one(self, to: Repository, name: Reference, image: Image) -> None:
        with self._store.blobs.leases.open() as lease:
            layers = self._store.layers.stack(image.chain_id)
            for blob in (image.digest, *(layer.blob for layer in layers)):
                lease.hold(blob)
            pushed = await self._push_image(to, name, image, layers, lease)
        manifest = pushed.manifest
        await self._store.write(lambda connection: places.record_places(connection, pushed.layers, name.name))
        await self._store.name(image, name.with_digest(manifest.digest))
        size = len(manifest.body)
        self._report(Progress(status=f"{name.tag}: digest: {manifest.digest} size: {size}"))
        aux: dict[str, object] = {"Tag": name.tag, "Digest": manifest.digest, "Size": size}
        self._report(Progress(progress_detail=ProgressDetail(), aux=aux))

    async def _push_image(
        self, to: Repository, name: Reference, image: Image, layers: list[Layer], lease: Lease
    ) -> _Pushed:
        config = await self._store.lane.run(self._store.blobs.read, image.digest, limits.IMAGE_CONFIG)
        distinct = {layer.diff_id: layer for layer in reversed(layers)}
        for layer in distinct.values():
            self._tell(layer, words.PREPARING)
        stored = await self._stored(image, layers, lease)
        kept = {} if stored is None else _forms(stored, image)
        try:
            async with asyncio.TaskGroup() as tasks:
                running = {
                    diff_id: tasks.create_task(self._layer(to, name, layer, kept.get(diff_id)))
                    for diff_id, layer in distinct.items()
                }
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
        forms = {diff_id: task.result() for diff_id, task in running.items()}
        if not await client.exists(to, image.digest):
            await self._send_bytes(to, image.digest, config)
        manifest = stored or _manifest(image, len(config), forms)
        assert name.tag is not None
        await client.put_manifest(to, name.tag, manifest.body, manifest.media_type)
        return _Pushed(manifest, {diff_id: form.digest for diff_id, form in forms.items()})

    async def _stored(self, image: Image, layers: list[Layer], lease: Lease) -> StoredManifest | None:
        """Return the manifest that the image came by, if all that it names is here."""
        here = {layer.blob for layer in layers}
        found = await self._store.read(lambda connection: places.manifests_of(connection, image.id))
        for digest, media_type in found:
            lease.hold(digest)
            body = await self._store.lane.run(self._store.blobs.read, digest, limits.MANIFEST)
            manifest = msgspec.json.decode(body, type=Manifest)
            if {layer.digest for layer in manifest.layers} <= here:
                return StoredManifest(digest, media_type, body)
        return None

    async def _layer(self, to: Repository, name: Reference, layer: Layer, form: Form | None) -> Form:
        """See that the registry has the layer; return the form it has it in."""
        if self._slots.uploads.locked():
            self._tell(layer, words.WAITING)
        async with self._slots.uploads:
            is_kept = form is not None or layer.compression == "gzip"
            if form is None and is_kept:
                form = Form(layer.blob, layer.blob_size)
            form = form or await self._store.read(lambda c: places.gzip_form(c, layer.diff_id))
            if form is not None and await client.exists(to, form.digest):
                self._tell(layer, words.LAYER_EXISTS)
                return form
            if form is not None and (source := await self._mount(to, name, form.digest)):
                self._tell(layer, f"Mounted from {source}")
                return form
            source_fd = await self._store.lane.run(self._store.blobs.open, layer.blob)
            try:
                if is_kept and form is not None:
                    await self._send(to, layer, form, source_fd)
                else:
                    form = await self._compress_and_send(to, layer, source_fd)
            finally:
                os.close(source_fd)
        self._tell(layer, words.PUSHED)
        return form

    async def _mount(self, to: Repository, name: Reference, digest: Digest) -> str | None:
        """Take a layer from a repository of the same registry that is known to have it."""
        known = await self._store.read(lambda connection: places.places_of(connection, digest))
        prefix = f"{name.domain}/"
        paths = [place.removeprefix(prefix) for place in known if place.startswith(prefix)]
        return await client.mount(to, digest, [path for path in paths if path != name.path])

    async def _compress_and_send(self, to: Repository, layer: Layer, source_fd: int) -> Form:
        target = temporary_file(self._store.temporary)
        try:
            async with self._slots.compressing:
                result = await self._store.work(
                    "content.compress", {"diff_id": layer.diff_id}, [source_fd, target]
                )
            form = Form(Digest(str(result["digest"])), int(str(result["size"])))
            await self._store.write(lambda connection: places.record_gzip(connection, layer.diff_id, form))
            await self._send(to, layer, form, target)
        finally:
            os.close(target)
        return form

    async def _send(self, to: Repository, layer: Layer, form: Form, fd: int) -> None:
        """Upload a layer's blob from a file (borrowed); progress counts the bytes of its tar, as Docker's."""

        def sent(size: int) -> None:
            done = layer.tar_size * size // max(form.size, 1)
            self._tell(layer, words.PUSHING, done, layer.tar_size)

        async def read(start: int, end: int) -> AsyncIterator[bytes]:
            while start < end:
                piece = await self._store.lane.run(os.pread, fd, min(_PIECE, end - start), start)
                if not piece:
                    return
                start += len(piece)
                yield piece

        def retrying(pause_s: int) -> None:
            self._tell(layer, f"Retrying in {pause_s} second{'s' * (pause_s != 1)}")

        blob = client.Outgoing(form.digest, form.size, read, _Rarely(sent), retrying)
        await client.upload(to, blob, self._settings)

    async def _send_bytes(self, to: Repository, digest: Digest, data: bytes) -> None:
        async def read(start: int, end: int) -> AsyncIterator[bytes]:
            yield data[start:end]

        blob = client.Outgoing(digest, len(data), read, _ignore, _ignore)
        await client.upload(to, blob, self._settings)

    def _tell(self, layer: Layer, status: str, current: int = 0, total: int = 0) -> None:
        step = PullProgress(status, layer.diff_id.short, current, total)
        detail = ProgressDetail(current=step.current, total=step.total)
        self._report(Progress(status=step.status, id=step.id, progress_detail=detail))


class _Rarely:
    """Hands on what it is told, at most ten times a second."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        self._tell = tell
        self._last = -1.0

    def __call__(self, size: int) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._last >= 0.1:
            self._last = now
            self._tell(size)


def _forms(stored: StoredManifest, image: Image) -> dict[Digest, Form]:
    """Return the form each layer of the image has in its manifest, by diff id."""
    manifest = msgspec.json.decode(stored.body, type=Manifest)
    pairs = zip(image.diff_ids, manifest.layers, strict=True)
    return {diff_id: Form(Digest(layer.digest), layer.size) for diff_id, layer in pairs}


def _manifest(image: Image, config_size: int, forms: Mapping[Digest, Form]) -> StoredManifest:
    """Return the manifest that Docker would make, to the byte."""
    layers = [
        {"mediaType": _LAYER, "size": forms[diff_id].size, "digest": forms[diff_id].digest}
        for diff_id in image.diff_ids
    ]
    document = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": {"mediaType": _CONFIG, "size": config_size, "digest": image.id},
        "layers": layers,
    }
    body = json.dumps(document, indent=3).encode()
    return StoredManifest(Digest.of(body), _MANIFEST, body)


def _ignore(_: int) -> None:
    """Tell nobody."""
