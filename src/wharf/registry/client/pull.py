"""Pulling an image: resolve the reference, choose by platform, fetch config and layers.

Nothing is unpacked or recorded here; the sink keeps the blobs, the caller makes an image of them.
"""

import asyncio
import functools
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from wharf.errors import EngineError
from wharf.registry import progress as words
from wharf.registry.client.blobs import Download
from wharf.registry.client.registry import Repository
from wharf.registry.credentials import Credentials
from wharf.registry.documents import Blob, Checked, checked_blob
from wharf.registry.errors import InvalidDocument, NoMatchingManifest, Unreachable
from wharf.registry.host import hosts_for
from wharf.registry.platform import Platform, choose
from wharf.registry.progress import PullProgress, Report
from wharf.registry.settings import RegistrySettings
from wharf.registry.sink import BlobSink
from wharf.schema.digest import Digest
from wharf.schema.reference import Reference

_INDEX_DEPTH = 3

Arrived = Callable[[bytes, Sequence[Blob], Blob], Awaitable[None]]


class PulledImage(NamedTuple):
    """What a pull brought; all blobs are in the sink."""

    reference: Reference
    repo_digest: Digest
    """Digest of what the reference leads to: an index, or the manifest itself."""
    manifest: bytes
    manifest_digest: Digest
    media_type: str
    config: bytes
    """The config document; its digest is the image's id."""
    config_digest: Digest
    layers: tuple[Blob, ...]
    """Lowest first."""
    from_index: bytes | None
    """The index that the manifest was chosen from, if there was one."""


async def pull(
    reference: Reference,
    *,
    auth: Credentials | None,
    platform: Platform | None,
    settings: RegistrySettings,
    blobs: BlobSink,
    progress: Report,
    slots: asyncio.Semaphore | None = None,
    arrived: Arrived | None = None,
) -> PulledImage:
    """Fetch what `reference` (without a tag: `latest`) names, for `platform` (None: this machine's).

    `slots` limits downloads over several pulls; `arrived` is awaited for each layer as soon as it is in the
    sink, while others are on their way, with the config and all layers. Credentials go to the reference's
    own registry only, never to a mirror. Raises the errors of `wharf.registry.errors`.
    """
    reference = reference.tagged()
    repository, top, progress_id = await resolve(reference, auth, settings)
    try:
        progress(PullProgress(f"Pulling from {reference.path}", progress_id))
        chosen = await _choose(repository, top, platform or Platform.of_host())
        fetching = _Fetching(repository, settings, blobs, progress, arrived)
        config = await fetching.all_of(chosen, slots or asyncio.Semaphore(settings.downloads))
    finally:
        await repository.close()
    return PulledImage(
        reference=reference,
        repo_digest=top.digest,
        manifest=chosen.body,
        manifest_digest=chosen.digest,
        media_type=chosen.media_type,
        config=config,
        config_digest=chosen.config.digest,
        layers=chosen.layers,
        from_index=top.body if top.as_index is not None else None,
    )


async def tags(reference: Reference, auth: Credentials | None, settings: RegistrySettings) -> list[str]:
    """Return the tags of a repository; raises the errors of `wharf.registry.errors`."""
    failure: EngineError | None = None
    for host in hosts_for(reference.domain, settings):
        is_mirror = host.domain != reference.domain
        repository = Repository(host, reference, None if is_mirror else auth, settings)
        try:
            await repository.ping()
            return await repository.tags()
        except EngineError as error:
            failure = error
            if not is_mirror and not isinstance(error, Unreachable):
                raise
        finally:
            await repository.close()
    assert failure is not None
    raise failure


async def resolve(
    reference: Reference, auth: Credentials | None, settings: RegistrySettings
) -> tuple[Repository, Checked, str]:
    """Return the first host's repository that has the reference, with what it leads to.

    A mirror that does not answer or does not have it is passed over; of an insecure registry, http is tried
    when https does not answer. The last host's error counts.
    """
    name = str(reference.digest or reference.tag)
    hosts = hosts_for(reference.domain, settings)
    failure: EngineError | None = None
    for host in hosts:
        is_mirror = host.domain != reference.domain
        repository = Repository(host, reference, None if is_mirror else auth, settings)
        try:
            await repository.ping()
            return repository, await repository.manifest(name, reference.digest), name
        except EngineError as error:
            await repository.close()
            failure = error
            if not is_mirror and not isinstance(error, Unreachable):
                raise
        except BaseException:
            await repository.close()
            raise
    assert failure is not None
    raise failure


async def _choose(repository: Repository, top: Checked, platform: Platform) -> Checked:
    """Follow an index to the manifest for `platform`; indexes of indexes are followed a little."""
    document = top
    for _ in range(_INDEX_DEPTH):
        if document.as_index is None:
            return document
        entry = choose(document.as_index.manifests, platform)
        if entry is None:
            raise NoMatchingManifest(str(platform))
        blob = checked_blob(entry)
        found = await repository.manifest(blob.digest, blob.digest)
        if len(found.body) != blob.size:
            raise InvalidDocument(f"manifest {blob.digest} is not of the size that its index says")
        document = found
    if document.as_index is not None:
        raise InvalidDocument("invalid manifest: indexes lie too deep in each other")
    return document


class _Fetching:
    """What the downloads of one pull have in common."""

    def __init__(
        self,
        repository: Repository,
        settings: RegistrySettings,
        blobs: BlobSink,
        progress: Report,
        arrived: Arrived | None,
    ) -> None:
        self._arrived = arrived
        self._repository = repository
        self._settings = settings
        self._blobs = blobs
        self._progress = progress

    async def all_of(self, manifest: Checked, slots: asyncio.Semaphore) -> bytes:
        """Fetch the layers, some at a time, and the config; return the config's bytes."""
        layers = _distinct(manifest.layers)
        wanted = [layer for layer in layers if not await self._blobs.has(layer.digest)]
        for layer in layers:
            status = words.PULLING_FS_LAYER if layer in wanted else words.EXISTS
            self._progress(PullProgress(status, layer.digest.short))
        try:
            async with asyncio.TaskGroup() as group:
                config = group.create_task(self.config(manifest.config))
                for layer in layers:
                    group.create_task(
                        self._bring(layer, slots, manifest, config, is_here=layer not in wanted)
                    )
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return config.result()

    async def _bring(
        self,
        blob: Blob,
        slots: asyncio.Semaphore,
        manifest: Checked,
        config: asyncio.Task[bytes],
        *,
        is_here: bool,
    ) -> None:
        if not is_here:
            await self.layer(blob, slots)
        if self._arrived is not None:
            await self._arrived(await config, manifest.layers, blob)

    async def layer(self, blob: Blob, slots: asyncio.Semaphore) -> None:
        """Fetch a layer into the sink."""
        if slots.locked():
            self._progress(PullProgress(words.WAITING, blob.digest.short))
        async with slots:
            writer = await self._blobs.writer(blob.digest, blob.size)
            if writer is not None:
                try:
                    count = functools.partial(self._count, blob)
                    await Download(self._repository, blob, self._settings, count).into(
                        writer, "filesystem layer"
                    )
                finally:
                    await writer.close()
        self._progress(PullProgress(words.VERIFYING, blob.digest.short))
        self._progress(PullProgress(words.COMPLETE, blob.digest.short))

    async def config(self, blob: Blob) -> bytes:
        """Fetch the config into the sink, and return it: it is small."""
        kept = KeptBlob()
        await Download(self._repository, blob, self._settings, _ignore).into(kept, "image config")
        if not await self._blobs.has(blob.digest):
            await self._keep(blob, bytes(kept.data))
        return bytes(kept.data)

    async def _keep(self, blob: Blob, data: bytes) -> None:
        writer = await self._blobs.writer(blob.digest, blob.size)
        if writer is None:
            return
        try:
            _, here = await writer.begin()
            await writer.write(data[here:])
            await writer.commit()
        finally:
            await writer.close()

    def _count(self, blob: Blob, current: int) -> None:
        self._progress(PullProgress(words.DOWNLOADING, blob.digest.short, current, blob.size))


class KeptBlob:
    """A sink for one small blob."""

    def __init__(self) -> None:
        self.data = bytearray()

    async def begin(self) -> tuple["hashlib._Hash", int]:
        """Nothing is here."""
        return hashlib.sha256(), 0

    async def discard(self) -> None:
        """Nothing is to be done: it goes with us."""

    async def write(self, data: bytes) -> None:
        """Append `data`."""
        self.data += data

    async def commit(self) -> None:
        """Nothing is to be done: it is in memory."""

    async def close(self) -> None:
        """Nothing is to be done."""


def _distinct(layers: Sequence[Blob]) -> list[Blob]:
    """Return the layers without repetitions: an image may hold the same one twice."""
    return list({layer.digest: layer for layer in layers}.values())


def _ignore(_: int) -> None:
    """Count nothing."""
