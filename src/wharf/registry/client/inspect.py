"""What a name leads to in a registry, without fetching any of it."""

import msgspec

from wharf import limits
from wharf.registry.client.blobs import Download
from wharf.registry.client.pull import KeptBlob, resolve
from wharf.registry.credentials import Credentials
from wharf.registry.errors import InvalidDocument
from wharf.registry.settings import RegistrySettings
from wharf.schema.oci import Descriptor, ImageFile, Platform
from wharf.schema.reference import Reference
from wharf.schema.registry import DistributionInspect


async def inspect(
    reference: Reference, auth: Credentials | None, settings: RegistrySettings
) -> DistributionInspect:
    """Return the descriptor of what `reference` names, and the platforms it is for.

    Raises the errors of `wharf.registry.errors`.
    """
    repository, top, _ = await resolve(reference.tagged(), auth, settings)
    try:
        descriptor = Descriptor(media_type=top.media_type, digest=top.digest, size=len(top.body))
        if top.as_index is not None:
            platforms = [entry.platform for entry in top.as_index.manifests if entry.platform is not None]
            return DistributionInspect(descriptor=descriptor, platforms=platforms)
        if top.config.size > limits.IMAGE_CONFIG:
            raise InvalidDocument(f"image config is larger than {limits.IMAGE_CONFIG} bytes")
        kept = KeptBlob()
        await Download(repository, top.config, settings, lambda _: None).into(kept, "image config")
    finally:
        await repository.close()
    try:
        file = msgspec.json.decode(bytes(kept.data), type=ImageFile)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return DistributionInspect(descriptor=descriptor, platforms=[])
    own = Platform(
        architecture=file.architecture,
        os=file.os,
        os_version=file.os_version,
        os_features=file.os_features,
        variant=file.variant,
    )
    return DistributionInspect(descriptor=descriptor, platforms=[own] if file.os else [])
