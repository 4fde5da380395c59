"""OCI image documents: descriptor, manifest, index, and the image's own config file.

image-spec 1.1 (descriptor.md, manifest.md, image-index.md, config.md). They are read, and looked at; what
is stored, hashed and sent on is always the bytes as they came.
"""

from wharf.schema.health import HealthConfig
from wharf.schema.struct import Struct, omit, wire, zero


class Platform(Struct, rename="camel"):
    """The machine an image is for."""

    architecture: str = ""
    os: str = ""
    os_version: str = omit("", name="os.version")
    os_features: list[str] = omit([], name="os.features")
    variant: str = omit("")


class Descriptor(Struct, rename="camel"):
    """A reference to a blob by digest; `size` in bytes."""

    media_type: str = ""
    digest: str = ""
    size: int = 0
    urls: list[str] = omit([])
    annotations: dict[str, str] = omit({})
    data: str = omit("")
    platform: Platform | None = omit(None)
    artifact_type: str = omit("")


class Manifest(Struct, rename="camel"):
    """An image manifest, OCI's or Docker's schema 2."""

    schema_version: int = 0
    media_type: str = omit("")
    artifact_type: str = omit("")
    config: Descriptor = zero(Descriptor)
    layers: list[Descriptor] = zero(list)
    subject: Descriptor | None = omit(None)
    annotations: dict[str, str] = omit({})


class Index(Struct, rename="camel"):
    """An image index, OCI's or Docker's manifest list."""

    schema_version: int = 0
    media_type: str = omit("")
    artifact_type: str = omit("")
    manifests: list[Descriptor] = zero(list)
    subject: Descriptor | None = omit(None)
    annotations: dict[str, str] = omit({})


class ImageRunConfig(Struct):
    """How to run an image: `config` of its config file, with Docker's additions.

    Writers often leave null where nothing is set.
    """

    user: str = omit("")
    exposed_ports: dict[str, dict[str, object]] | None = omit(None)
    env: list[str] | None = omit(None)
    entrypoint: list[str] | None = omit(None)
    cmd: list[str] | None = omit(None)
    volumes: dict[str, dict[str, object]] | None = omit(None)
    working_dir: str = omit("")
    labels: dict[str, str] | None = omit(None)
    stop_signal: str = omit("")
    args_escaped: bool = omit(False)
    healthcheck: HealthConfig | None = omit(None)
    on_build: list[str] | None = omit(None)
    shell: list[str] | None = omit(None)


class RootFS(Struct):
    """The uncompressed layers of an image, lowest first, by digest."""

    type: str = wire("layers", name="type")
    diff_ids: list[str] = zero(list, name="diff_ids")


class History(Struct):
    """How one layer, or one change without a layer, came to be."""

    created: str = omit("", name="created")
    created_by: str = omit("", name="created_by")
    author: str = omit("", name="author")
    comment: str = omit("", name="comment")
    empty_layer: bool = omit(False, name="empty_layer")


class ImageFile(Struct, rename=str):
    """An image's config file: its SHA-256 is the image's id."""

    architecture: str = ""
    config: ImageRunConfig | None = omit(None)
    created: str = omit("")
    author: str = omit("")
    history: list[History] | None = omit(None)
    os: str = ""
    os_version: str = omit("", name="os.version")
    os_features: list[str] = omit([], name="os.features")
    variant: str = omit("")
    rootfs: RootFS = zero(RootFS)
    docker_version: str = omit("")
    comment: str = omit("")
    parent: str = omit("")
