"""Manifests and indexes as a registry sends them: decoded, checked, or refused. Pure.

A document that could be read in two ways is refused (CVE-2021-41190): its header, its own `mediaType` and
its fields must agree. Digests and sizes are checked by types and limits before they are used for anything.
"""

from typing import NamedTuple

import msgspec

from wharf import limits
from wharf.registry.errors import InvalidDocument, VerificationFailed
from wharf.schema.digest import Digest, InvalidDigest
from wharf.schema.oci import Descriptor, Index, Manifest

MANIFEST_TYPES = frozenset(
    {"application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"}
)
INDEX_TYPES = frozenset(
    {"application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"}
)
_SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1"
_GENERIC = frozenset({"", "application/json", "application/octet-stream", "text/plain"})
_INDEX_ENTRIES = 1000


class Blob(NamedTuple):
    """A blob that a manifest names; only made from a checked descriptor."""

    digest: Digest
    size: int
    media_type: str


class Checked(NamedTuple):
    """A manifest or an index, with its bytes as they came."""

    body: bytes
    digest: Digest
    media_type: str
    as_manifest: Manifest | None
    as_index: Index | None

    @property
    def config(self) -> Blob:
        """The config of a manifest."""
        assert self.as_manifest is not None
        return checked_blob(self.as_manifest.config)

    @property
    def layers(self) -> tuple[Blob, ...]:
        """The layers of a manifest, lowest first."""
        assert self.as_manifest is not None
        return tuple(checked_blob(layer) for layer in self.as_manifest.layers)


_ABSENT = msgspec.Raw(b"null")


class _Shape(msgspec.Struct):
    """The fields by which manifests and indexes differ."""

    media_type: str = msgspec.field(default="", name="mediaType")
    schema_version: int = msgspec.field(default=0, name="schemaVersion")
    config: msgspec.Raw = _ABSENT
    layers: msgspec.Raw = _ABSENT
    fs_layers: msgspec.Raw = msgspec.field(default=_ABSENT, name="fsLayers")
    manifests: msgspec.Raw = _ABSENT


def check(body: bytes, header: str, expected: Digest | None) -> Checked:
    """Return the document `body` that came with the content type `header`.

    `expected` is the digest it was asked by. Raises InvalidDocument, VerificationFailed.
    """
    if len(body) > limits.MANIFEST:
        raise InvalidDocument(f"manifest is larger than {limits.MANIFEST} bytes")
    digest = Digest.of(body)
    if expected is not None and digest != expected:
        raise VerificationFailed("manifest", expected)
    try:
        shape = msgspec.json.decode(body, type=_Shape)
        media_type = _media_type(shape, header.partition(";")[0].strip().lower())
        if media_type in INDEX_TYPES:
            index = msgspec.json.decode(body, type=Index)
            if len(index.manifests) > _INDEX_ENTRIES:
                raise InvalidDocument(f"index has more than {_INDEX_ENTRIES} entries")
            return Checked(body, digest, media_type, None, index)
        manifest = msgspec.json.decode(body, type=Manifest)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidDocument(f"invalid manifest: {error}") from error
    checked = Checked(body, digest, media_type, manifest, None)
    if len(checked.layers) > limits.LAYERS:
        raise InvalidDocument("max depth exceeded")
    if checked.config.size > limits.IMAGE_CONFIG:
        raise InvalidDocument(f"image config is larger than {limits.IMAGE_CONFIG} bytes")
    return checked


def checked_blob(descriptor: Descriptor) -> Blob:
    """Return what `descriptor` names; raises InvalidDocument."""
    try:
        digest = Digest.parse(descriptor.digest)
    except InvalidDigest as error:
        raise InvalidDocument(f"invalid manifest: {error}") from error
    if descriptor.size < 0:
        raise InvalidDocument(f"invalid manifest: blob {digest} has a negative size")
    return Blob(digest, descriptor.size, descriptor.media_type)


def _is_there(member: msgspec.Raw) -> bool:
    return bytes(member) != b"null"


def _media_type(shape: _Shape, header: str) -> str:
    """Return what the document is, by all signs; raises InvalidDocument when they disagree."""
    if shape.schema_version == 1 or header.startswith(_SCHEMA_1) or _is_there(shape.fs_layers):
        raise InvalidDocument(
            "Docker Image Format v1 and Docker Image manifest version 2, schema 1 are not supported:"
            " the image has to be pushed again in OCI format or as schema 2"
        )
    is_index = _is_there(shape.manifests)
    if is_index == (_is_there(shape.config) or _is_there(shape.layers)):
        raise InvalidDocument("invalid manifest: it is neither, or both, a manifest and an index")
    kinds = INDEX_TYPES if is_index else MANIFEST_TYPES
    named = {kind for kind in (shape.media_type, header) if kind not in _GENERIC}
    if shape.schema_version != 2 or len(named) != 1 or not named <= kinds:
        raise InvalidDocument(f"invalid manifest: media type {' and '.join(sorted(named)) or 'missing'}")
    return named.pop()
