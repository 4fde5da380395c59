"""Images of manifest lists, fetched from where they are and brought to where they shall be."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator

from wharf.cli.credentials import INDEX, find
from wharf.cli.errors import CliError
from wharf.cli.manifest_store import go_json
from wharf.cli.reference import DEFAULT_DOMAIN, Reference
from wharf.client.registry import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    NotThere,
    Registry,
    RegistryError,
    SpeaksHttp,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wharf.cli.config import ClientConfig
    from wharf.cli.manifest_store import Manifest

_HUB = "registry-1.docker.io"
_PLATFORM = ("architecture", "os", "os.version", "os.features", "variant")
_KINDS = {DOCKER_MANIFEST: "SchemaV2Manifest", OCI_MANIFEST: "OCIManifest"}


def fetch(config: ClientConfig, reference: Reference, *, insecure: bool) -> Manifest:
    """Return the image that `reference` names; raises CliError where it is a list or not there."""
    for registry in _readable(config, reference.domain, insecure=insecure):
        try:
            kind, digest, body = _asked(registry, reference)
            if kind in (DOCKER_LIST, OCI_INDEX):
                raise CliError(f"{reference.full} is a manifest list")
            return _image(registry, reference, kind, digest, body)
        except NotThere:
            continue
    raise _missing(reference)


def fetch_any(config: ClientConfig, reference: Reference, *, insecure: bool) -> Manifest | list[Manifest]:
    """Return the image that `reference` names, or the images of the list that it names."""
    for registry in _readable(config, reference.domain, insecure=insecure):
        try:
            kind, digest, body = _asked(registry, reference)
            if kind not in (DOCKER_LIST, OCI_INDEX):
                return _image(registry, reference, kind, digest, body)
            return [_entry(registry, reference, entry) for entry in _table(body).get("manifests") or []]
        except NotThere:
            continue
    raise _missing(reference)


def _asked(registry: Registry, reference: Reference) -> tuple[str, str, bytes]:
    """Return what is there by the tag, or where none is given, by the digest; it has the digest given."""
    return registry.manifest(reference.path, reference.tag or reference.digest, reference.digest)


def assembled(target: Reference, images: list[Manifest]) -> tuple[str, str]:
    """Return media type and text of the list of `images`, indented as Docker writes them.

    Raises CliError where one is at another registry than the list.
    """
    entries = []
    for image in images:
        domain = _reference(image).domain
        if domain != target.domain:
            raise CliError(
                "cannot use source images from a different registry than the target image: "
                f"{domain} != {target.domain}"
            )
        described = image["Descriptor"]
        platform = described.get("platform") or {}
        entries.append({
            "mediaType": described["mediaType"],
            "size": described["size"],
            "digest": described["digest"],
            "platform": {"architecture": "", "os": "", **platform},
        })  # fmt: skip
    is_oci = bool(entries) and entries[0]["mediaType"] == OCI_MANIFEST
    kind = OCI_INDEX if is_oci else DOCKER_LIST
    return kind, go_json({"schemaVersion": 2, "mediaType": kind, "manifests": entries}, "   ")


def push(
    config: ClientConfig, target: Reference, images: list[Manifest], *, insecure: bool
) -> Iterator[tuple[str, str]]:
    """Bring over the images of other repositories, then the list; yield names and digests, its own last."""
    kind, text = assembled(target, images)
    registry = _writable(config, target.domain, insecure=insecure)
    foreign = [image for image in images if _reference(image).path != target.path]
    for image in foreign:
        source = _reference(image)
        for digest in _blobs(image):
            if not registry.mount(target.path, digest, source.path):
                blob = Reference(source.domain, source.path, "", digest)
                raise CliError(f"error mounting {blob.full} to {target.full}")
    for image in foreign:
        described = image["Descriptor"]
        name = Reference(target.domain, target.path, "", described["digest"])
        body = b64decode(image["Raw"])
        yield name.full, _put(registry, name, described["mediaType"], body)
    yield target.full, _put(registry, target, kind, text.encode())


def _put(registry: Registry, name: Reference, kind: str, body: bytes) -> str:
    try:
        return registry.put_manifest(name.path, name.digest or name.tag, kind, body)
    except RegistryError as error:
        raise CliError(f"failed to put manifest {name.full}: {error}") from None


def _blobs(image: Manifest) -> Iterator[str]:
    """Yield the digests of what an image consists of; layers of elsewhere are not kept by registries."""
    manifest = image.get("SchemaV2Manifest") or image.get("OCIManifest") or {}
    yield manifest["config"]["digest"]
    for layer in manifest.get("layers") or []:
        if not layer.get("urls"):
            yield layer["digest"]


def _entry(registry: Registry, reference: Reference, entry: Manifest) -> Manifest:
    wanted = str(entry.get("digest"))
    kind, digest, body = registry.manifest(reference.path, wanted, wanted)
    name = Reference(reference.domain, reference.path, reference.tag, digest)
    image = _image(registry, name, kind, digest, body)
    platform = entry.get("platform") or {}
    image["Descriptor"]["platform"] = _platform(platform)
    return image


def _image(registry: Registry, name: Reference, kind: str, digest: str, body: bytes) -> Manifest:
    if kind not in _KINDS:
        raise CliError(f"unsupported manifest format: {kind}")
    manifest = _table(body)
    try:
        config = _table(registry.blob(name.path, str(manifest["config"]["digest"])))
    except (KeyError, TypeError):
        raise CliError(f"{name.full}: manifest without a config") from None
    return {
        "Ref": name.full,
        "Descriptor": {
            "mediaType": kind,
            "digest": digest,
            "size": len(body),
            "platform": _platform(config),
        },
        "Raw": b64encode(body).decode(),
        _KINDS[kind]: manifest,
    }


def _platform(fields: dict[str, Any]) -> dict[str, Any]:
    """Return what `fields`, of an image's config or a list's entry, say of the platform, in OCI's order."""
    kept = {name: fields.get(name) for name in _PLATFORM}
    return {name: value or "" for name, value in kept.items() if value or name in _PLATFORM[:2]}


def _table(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise CliError(f"invalid manifest: {error}") from None
    if not isinstance(found, dict):
        raise CliError("invalid manifest: not an object")
    return found


def _reference(image: Manifest) -> Reference:
    from wharf.cli.reference import parse

    return parse(str(image.get("Ref", "")))


def _missing(reference: Reference) -> CliError:
    return CliError(f"no such manifest: {reference.full}")


def _readable(config: ClientConfig, domain: str, *, insecure: bool) -> Iterator[Registry]:
    """Yield where to ask for what `domain` has: over http only where the user said so."""
    for registry, is_plain in _registries(config, domain, insecure=insecure):
        if _answers(registry) and (insecure or not is_plain):
            yield registry


def _writable(config: ClientConfig, domain: str, *, insecure: bool) -> Registry:
    for registry, _ in _registries(config, domain, insecure=insecure):
        if _answers(registry):
            return registry
    raise CliError(f'failed to setup HTTP client to repository: "{domain}" speaks no TLS')


def _answers(registry: Registry) -> bool:
    """Return whether a registry is there and speaks TLS where it should."""
    try:
        registry.ping()
    except SpeaksHttp:
        return False
    except RegistryError as error:
        raise CliError(f"failed to configure transport: error pinging v2 registry: {error}") from None
    return True


def _registries(config: ClientConfig, domain: str, *, insecure: bool) -> Iterator[tuple[Registry, bool]]:
    """Yield the ways to `domain`, and of each whether it is plain http."""
    is_hub = domain == DEFAULT_DOMAIN
    account = find(config, INDEX if is_hub else domain)
    host = _HUB if is_hub else domain
    lenient = insecure or _is_loopback(domain)
    yield Registry(f"https://{host}", account, checks_certificate=not lenient), False
    if lenient:
        yield Registry(f"http://{host}", account, checks_certificate=False), True


def _is_loopback(domain: str) -> bool:
    from ipaddress import ip_address
    from urllib.parse import urlsplit

    host = urlsplit(f"//{domain}").hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
