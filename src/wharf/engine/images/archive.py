"""What an uploaded image archive says it holds: Docker's `manifest.json`, or an OCI image layout.

The archive is a file that a worker has listed (`content/archive.py`); documents are read from it by offset,
each with its limit. Names in it only ever look up that list, so there is no path to escape by. Where both
formats are there, Docker's counts, as with Docker. A document that is a manifest and an index at once is
refused, digests in an OCI layout are verified.
"""

import os
from typing import NamedTuple, TypeVar

import msgspec

from wharf import limits
from wharf.content.archive import MEMBERS_MAX
from wharf.engine.images.errors import BadImage
from wharf.schema.digest import Digest
from wharf.schema.oci import Descriptor, Index, Manifest
from wharf.schema.reference import Reference

_T = TypeVar("_T")

_LINKS = 8
_INDEX_DEPTH = 3
_INDEX_NODES = 1000
_NAME = "io.containerd.image.name"
_TAG = "org.opencontainers.image.ref.name"


_CONFIG_TYPES = frozenset(
    {"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"}
)


class Range(NamedTuple):
    """Where a member's bytes are in the archive."""

    offset: int
    size: int


class Described(NamedTuple):
    """One image of an archive: its config's bytes, its layers, and the names it shall have."""

    config: bytes
    layers: list[Range]
    names: list[Reference]
    parent: Digest | None


class _Item(msgspec.Struct, rename="pascal"):
    """An entry of Docker's manifest.json."""

    config: str
    repo_tags: list[str] | None = None
    layers: list[str] | None = None
    parent: str = ""


class Archive:
    """The plain archive open at `fd` (borrowed), with the list of its members."""

    def __init__(self, fd: int, listing: bytes) -> None:
        self._fd = fd
        size = os.fstat(fd).st_size
        found = msgspec.json.decode(listing, type=dict[str, tuple[int, int] | str])
        if len(found) > MEMBERS_MAX:
            raise BadImage("too many members in the archive")
        self._members = {name: Range(*at) if isinstance(at, tuple) else at for name, at in found.items()}
        for at in self._members.values():
            if isinstance(at, Range) and not 0 <= at.offset <= at.offset + at.size <= size:
                raise BadImage("unexpected EOF")

    def images(self) -> list[Described]:
        """Return the images that the archive describes; raises BadImage, InvalidReference."""
        if "manifest.json" in self._members:
            return self._docker_images()
        if "index.json" in self._members:
            return self._oci_images()
        raise BadImage("invalid archive: does not contain a manifest.json")

    def _find(self, name: str) -> Range:
        """Return where `name` is; links are followed by their names."""
        wanted = name
        for _ in range(_LINKS):
            at = self._members.get(wanted)
            if at is None:
                break
            if isinstance(at, Range):
                return at
            wanted = at
        raise BadImage(f"invalid archive: no file {name!r}")

    def _read(self, name: str, limit: int) -> bytes:
        at = self._find(name)
        if at.size > limit:
            raise BadImage(f"invalid archive: {name!r} is longer than {limit} bytes")
        return os.pread(self._fd, at.size, at.offset)

    # Docker's format

    def _docker_images(self) -> list[Described]:
        items = _decode(self._read("manifest.json", limits.MANIFEST), list[_Item], "manifest.json")
        return [self._docker_image(item) for item in items]

    def _docker_image(self, item: _Item) -> Described:
        names = []
        for tag in item.repo_tags or []:
            name = Reference.parse(tag)
            if name.tag is None or name.digest is not None:
                raise BadImage(f'invalid tag "{tag}"')
            names.append(name)
        config = self._read(item.config, limits.IMAGE_CONFIG)
        layers = [self._find(layer) for layer in item.layers or []]
        return Described(config, layers, names, Digest.parse(item.parent) if item.parent else None)

    # OCI image layout

    def _oci_images(self) -> list[Described]:
        index = _decode(self._read("index.json", limits.MANIFEST), Index, "index.json")
        seen: set[str] = set()
        found: list[Described] = []
        for descriptor in index.manifests:
            names = _names_of(descriptor)
            for manifest in self._manifests(descriptor, seen, _INDEX_DEPTH):
                found.append(self._oci_image(manifest, names))
                names = []  # the first platform of an index is what its name leads to
        return found

    def _manifests(self, descriptor: Descriptor, seen: set[str], depth: int) -> list[Manifest]:
        """Return the image manifests below a descriptor; those that are not in the archive are left out."""
        if descriptor.digest in seen or not self._has_blob(descriptor.digest):
            return []
        seen.add(descriptor.digest)
        if not depth or len(seen) > _INDEX_NODES:
            raise BadImage("invalid archive: too many manifests")
        raw = self._blob(descriptor, limits.MANIFEST)
        fields = _decode(raw, dict[str, object], descriptor.digest)
        if "manifests" in fields and ("layers" in fields or "config" in fields):
            raise BadImage(f"invalid archive: {descriptor.digest} is a manifest and an index")
        if "manifests" in fields:
            below = _decode(raw, Index, descriptor.digest).manifests
            return [manifest for each in below for manifest in self._manifests(each, seen, depth - 1)]
        manifest = _decode(raw, Manifest, descriptor.digest)
        return [manifest] if manifest.config.media_type in _CONFIG_TYPES else []

    def _oci_image(self, manifest: Manifest, names: list[Reference]) -> Described:
        config = self._blob(manifest.config, limits.IMAGE_CONFIG)
        layers = []
        for descriptor in manifest.layers:
            at = self._find(_blob_name(descriptor.digest))
            if at.size != descriptor.size:
                raise BadImage(f"invalid archive: {descriptor.digest} has not the size it should have")
            layers.append(at)
        return Described(config, layers, names, None)

    def _has_blob(self, digest: str) -> bool:
        return _blob_name(digest) in self._members

    def _blob(self, descriptor: Descriptor, limit: int) -> bytes:
        raw = self._read(_blob_name(descriptor.digest), limit)
        if Digest.of(raw) != descriptor.digest or len(raw) != descriptor.size:
            raise BadImage(f"invalid archive: {descriptor.digest} is not what its digest says")
        return raw


def _blob_name(digest: str) -> str:
    return f"blobs/sha256/{Digest.parse(digest).hex}"


def _names_of(descriptor: Descriptor) -> list[Reference]:
    """Return the name that an entry of index.json carries, if any; raises InvalidReference."""
    if name := descriptor.annotations.get(_NAME):
        return [Reference.parse(name).tagged()]
    tag = descriptor.annotations.get(_TAG, "")
    # Elsewhere than in Docker this is the whole name; a bare tag says nothing without a repository.
    return [Reference.parse(tag)] if ":" in tag else []


def _decode(raw: bytes, kind: type[_T], what: str) -> _T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadImage(f"invalid archive: {what}: {error}") from error
