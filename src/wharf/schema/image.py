"""Images as the Engine API shows them. The documents they are made of are in `oci.py`."""

from wharf.schema.container import DriverData, Set
from wharf.schema.health import HealthConfig
from wharf.schema.host_config import Strings
from wharf.schema.oci import Descriptor, Platform
from wharf.schema.struct import Struct, omit, wire, zero


class ImageConfig(Struct):
    """How to run an image, as its inspect shows it."""

    args_escaped: bool = omit(False)
    cmd: Strings = None
    entrypoint: Strings = None
    env: Strings = None
    exposed_ports: Set = omit({})
    healthcheck: HealthConfig | None = omit(None)
    labels: dict[str, str] | None = None
    on_build: Strings = None
    shell: list[str] = omit([])
    stop_signal: str = omit("")
    user: str = ""
    volumes: Set | None = None
    working_dir: str = ""


class ImageRootFS(Struct):
    """The layers of an image, lowest first, by the digest of their uncompressed tar."""

    type: str = "layers"
    layers: list[str] = omit([])


class ImageMetadata(Struct):
    """What this engine alone knows of an image; RFC 3339, zero when it was never tagged here."""

    last_tag_time: str = "0001-01-01T00:00:00Z"


class ManifestSize(Struct):
    """Bytes of a manifest's content, and in all."""

    total: int = 0
    content: int = 0


class ImageDataSize(Struct):
    """Bytes of an image once unpacked."""

    unpacked: int = 0


class ImageData(Struct):
    """A manifest that is an image."""

    platform: Platform = zero(Platform)
    containers: list[str] = zero(list)
    size: ImageDataSize = zero(ImageDataSize)


class AttestationData(Struct):
    """A manifest that is an attestation for another one, by digest."""

    for_: str = wire("", name="For")


class ManifestSummary(Struct):
    """One manifest of a multi-platform image; `kind` is image, attestation or unknown."""

    id: str = wire("", name="ID")
    descriptor: Descriptor = zero(Descriptor)
    available: bool = False
    size: ManifestSize = zero(ManifestSize)
    kind: str = ""
    image_data: ImageData | None = omit(None)
    attestation_data: AttestationData | None = omit(None)


class ImageInspect(Struct):
    """The answer to `GET /images/{name}/json`; `size` in bytes, of all layers."""

    id: str = ""
    repo_tags: list[str] = zero(list)
    repo_digests: list[str] = zero(list)
    parent: str = ""
    comment: str = ""
    created: str = omit("")
    docker_version: str = ""
    author: str = ""
    architecture: str = ""
    variant: str = omit("")
    os: str = ""
    os_version: str = omit("")
    size: int = 0
    graph_driver: DriverData = zero(DriverData)
    root_fs: ImageRootFS = zero(ImageRootFS, name="RootFS")
    metadata: ImageMetadata = zero(ImageMetadata)
    descriptor: Descriptor | None = omit(None)
    manifests: list[ManifestSummary] = omit([])
    config: ImageConfig | None = None


class ImageSummary(Struct):
    """One image of `GET /images/json`; `shared_size` and `containers` are -1 when they were not counted."""

    containers: int = -1
    created: int = 0
    id: str = ""
    labels: dict[str, str] | None = None
    parent_id: str = wire("", name="ParentId")
    descriptor: Descriptor | None = omit(None)
    manifests: list[ManifestSummary] = omit([])
    repo_digests: list[str] | None = zero(list)
    repo_tags: list[str] | None = zero(list)
    shared_size: int = -1
    size: int = 0


class HistoryItem(Struct):
    """One line of an image's history, newest first; `id` is `<missing>` where no image is known."""

    comment: str = ""
    created: int = 0
    created_by: str = ""
    id: str = ""
    size: int = 0
    tags: Strings = None


class ImageDeleteItem(Struct):
    """One step of an image's removal: exactly one of the two is set."""

    deleted: str = omit("")
    untagged: str = omit("")


class ImagesPruneReport(Struct):
    """The answer to `POST /images/prune`; bytes."""

    images_deleted: list[ImageDeleteItem] | None = None
    space_reclaimed: int = 0


class ErrorDetail(Struct, rename="lower"):
    """The error at the end of a progress stream."""

    code: int = omit(0)
    message: str = ""


class ProgressDetail(Struct, rename="lower"):
    """How far a step is; bytes unless `units` says otherwise."""

    current: int = omit(0)
    total: int = omit(0)
    start: int = omit(0)
    hidecounts: bool = omit(False, name="hidecounts")
    units: str = omit("")


class Progress(Struct, rename="camel"):
    """One line of a progress stream: load, import, pull, push, build."""

    stream: str = omit("")
    status: str = omit("")
    progress_detail: ProgressDetail | None = omit(None)
    progress: str = omit("")
    id: str = omit("")
    error_detail: ErrorDetail | None = omit(None)
    error: str = omit("")
    aux: dict[str, object] | None = omit(None)
