"""`save`: images as one tar in both formats, Docker's and OCI's, layers uncompressed (Docker's layout, V28).

The same images under the same names give the same bytes: everything but layers and configs is dated 1970.
"""

import hashlib
import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple

from wharf import limits
from wharf.content.compression import Source
from wharf.content.layer import Layer
from wharf.content.tar import header as kinds
from wharf.content.tar.header import padding
from wharf.content.tar.writer import END, entry
from wharf.engine.images.errors import NoSuchImage, NoSuchReference
from wharf.engine.images.image import Image
from wharf.engine.images.removal import is_id_prefix
from wharf.engine.images.store import Store
from wharf.errors import Internal
from wharf.schema.digest import Digest
from wharf.schema.reference import Reference

_INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_BLOBS = "blobs/sha256"
_BATCH = 1024 * 1024


class Wanted(NamedTuple):
    """An image to save, and the names it is saved under."""

    image: Image
    names: list[Reference]


class _Member(NamedTuple):
    """A file of the archive: bytes, or a layer to copy."""

    data: bytes
    layer: Layer | None = None
    mtime: int = 0


def choose(store: Store, texts: Sequence[str]) -> list[Wanted]:
    """Return what `texts` name: an id saves no name, a repository all of its tags; raises NoSuchReference."""
    found: dict[str, Wanted] = {}
    for text in texts:
        for image, name in _named(store, text):
            wanted = found.setdefault(image.id, Wanted(image, []))
            if name is not None and name not in wanted.names:
                wanted.names.append(name)
    return list(found.values())


def _named(store: Store, text: str) -> list[tuple[Image, Reference | None]]:
    try:
        image = store.catalog.resolve(text)
    except NoSuchImage:
        name = Reference.parse(text) if not _is_hex(text) else None
        if name is not None and name.is_name_only and (pairs := _tags(store, name)):
            return pairs
        if name is not None and not name.is_name_only:
            raise NoSuchReference from None
        raise NoSuchImage(text) from None
    if is_id_prefix(image, text) and _is_hex(text.removeprefix("sha256:")):
        return [(image, None)]
    name = Reference.parse(text)
    if name.is_name_only:
        return _tags(store, name)
    return [(image, name if name.digest is None else None)]


def _tags(store: Store, name: Reference) -> list[tuple[Image, Reference | None]]:
    pairs = store.catalog.names_in(name.name)
    return [
        (image, tag)
        for tag, image_id in pairs
        if tag.digest is None and (image := store.catalog.get(image_id)) is not None
    ]


def _is_hex(text: str) -> bool:
    return bool(text) and not text.strip("0123456789abcdef")


async def write(store: Store, wanted: Sequence[Wanted]) -> AsyncIterator[bytes]:
    """Yield the archive of `wanted`; raises OSError."""
    members = await store.lane.run(_members, store, wanted)
    newest = max((each.image.created for each in wanted), default=0)
    yield _folder("blobs/", newest) + _folder(f"{_BLOBS}/", newest)
    for name in sorted(members):
        member = members[name]
        if member.layer is None:
            yield _file(name, member.data, member.mtime)
            continue
        size = member.layer.tar_size
        yield entry(name.encode(), size=size, mtime=member.mtime)
        async for piece in _tar_of(store, member.layer):
            yield piece
        yield bytes(padding(size))
    yield END


def _folder(name: str, mtime: int) -> bytes:
    return entry(name.encode(), kind=kinds.DIRECTORY, mode=0o755, mtime=_seconds(mtime))


def _file(name: str, data: bytes, mtime: int) -> bytes:
    return entry(name.encode(), size=len(data), mtime=_seconds(mtime)) + data + bytes(padding(len(data)))


def _seconds(mtime: int) -> int:
    """Return a time without its fraction, which would need another header."""
    return mtime - mtime % 1_000_000_000


async def _tar_of(store: Store, layer: Layer) -> AsyncIterator[bytes]:
    """Yield a layer's uncompressed tar; raises Internal when the blob is not what it was."""
    fd = await store.lane.run(store.blobs.open, layer.blob)
    try:
        source = Source(fd)
        left = layer.tar_size
        while piece := await store.lane.run(_batch, source):
            left -= len(piece)
            yield piece
        if left or source.diff_id != layer.diff_id:
            raise Internal(f"the content of layer {layer.diff_id} is damaged")
    finally:
        os.close(fd)


def _batch(source: Source) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while size < _BATCH and (piece := source.read()):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def _members(store: Store, wanted: Sequence[Wanted]) -> dict[str, _Member]:
    members: dict[str, _Member] = {}
    items: list[dict[str, object]] = []
    descriptors: list[dict[str, object]] = []
    repositories: dict[str, dict[str, str]] = {}
    for image, names in wanted:
        config = store.blobs.read(image.digest, limits.IMAGE_CONFIG)
        layers = store.layers.stack(image.chain_id)
        members[_blob(image.digest)] = _Member(config, mtime=_seconds(image.created))
        members.update((_blob(each.diff_id), _Member(b"", each, _seconds(image.created))) for each in layers)
        for old in _old_documents(image, layers):
            members[_blob(Digest.of(old))] = _Member(old, mtime=_seconds(image.created))
        manifest = _json(_manifest(image, len(config), layers))
        digest = Digest.of(manifest)
        members[_blob(digest)] = _Member(manifest)
        descriptor: dict[str, object] = {"mediaType": _MANIFEST, "digest": digest, "size": len(manifest)}
        descriptors += [{**descriptor, "annotations": _annotations(name)} for name in names] or [descriptor]
        items.append(_item(image, names, layers))
        for name in names:
            if layers and name.tag is not None:
                repositories.setdefault(name.familiar_name, {})[name.tag] = layers[-1].diff_id.hex
    index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": descriptors}
    members["index.json"] = _Member(_json(index))
    members["manifest.json"] = _Member(_json(items) + b"\n")
    members["oci-layout"] = _Member(b'{"imageLayoutVersion": "1.0.0"}')
    if repositories:
        members["repositories"] = _Member(_json(repositories, sort=True) + b"\n")
    return members


def _blob(digest: Digest) -> str:
    return f"{_BLOBS}/{digest.hex}"


def _descriptor(layer: Layer) -> dict[str, object]:
    return {"mediaType": _LAYER, "size": layer.tar_size, "digest": layer.diff_id}


def _item(image: Image, names: Sequence[Reference], layers: Sequence[Layer]) -> dict[str, object]:
    item: dict[str, object] = {
        "Config": _blob(image.digest),
        "RepoTags": [name.familiar for name in names] or None,
        "Layers": [_blob(each.diff_id) for each in layers],
    }
    if image.parent is not None:
        item["Parent"] = image.parent
    if layers:
        item["LayerSources"] = {each.diff_id: _descriptor(each) for each in layers}
    return item


def _manifest(image: Image, config_size: int, layers: Sequence[Layer]) -> dict[str, object]:
    return {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": {"mediaType": _CONFIG, "digest": image.id, "size": config_size},
        "layers": [{"mediaType": _LAYER, "digest": each.diff_id, "size": each.tar_size} for each in layers],
    }


def _annotations(name: Reference) -> dict[str, str]:
    return {"io.containerd.image.name": str(name), "org.opencontainers.image.ref.name": name.tag or ""}


def _old_documents(image: Image, layers: Sequence[Layer]) -> list[bytes]:
    """Return what engines before 1.10 knew each layer by: a document with its own id and its parent's."""
    documents: list[bytes] = []
    parent = ""
    for number, (layer, chain) in enumerate(zip(layers, reversed(image.chain_ids), strict=True), 1):
        document: dict[str, object] = {"id": hashlib.sha256(f"{chain} {parent}".encode()).hexdigest()}
        if parent:
            document["parent"] = parent
        if number == len(layers):
            document |= {"created": image.file.created, "architecture": image.file.architecture}
        else:
            document["created"] = "1970-01-01T00:00:00Z"
        documents.append(_json({**document, "layer_id": layer.diff_id, "os": image.file.os or "linux"}))
        parent = str(document["id"])
    return documents


def _json(value: Mapping[str, object] | Sequence[object], *, sort: bool = False) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=sort).encode()
