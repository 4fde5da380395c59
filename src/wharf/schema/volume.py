"""Volumes."""

from wharf.schema.host_config import Strings
from wharf.schema.struct import Struct, omit, zero


class VolumeUsage(Struct):
    """Bytes and users of a volume; -1 where it was not counted."""

    ref_count: int = -1
    size: int = -1


class Volume(Struct):
    """A volume, in a list and in an inspect; `created_at` is RFC 3339 in whole seconds."""

    cluster_volume: dict[str, object] | None = omit(None)
    created_at: str = omit("")
    driver: str = ""
    labels: dict[str, str] | None = None
    mountpoint: str = ""
    name: str = ""
    options: dict[str, str] | None = None
    scope: str = ""
    status: dict[str, object] = omit({})
    usage_data: VolumeUsage | None = omit(None)


class VolumeList(Struct):
    """The answer to `GET /volumes`."""

    volumes: list[Volume] = zero(list)
    warnings: Strings = None


class VolumeCreateRequest(Struct):
    """The body of `POST /volumes/create`; no name asks for an anonymous one."""

    cluster_volume_spec: dict[str, object] | None = omit(None)
    driver: str = omit("")
    driver_opts: dict[str, str] = omit({})
    labels: dict[str, str] = omit({})
    name: str = omit("")


class VolumesPruneReport(Struct):
    """The answer to `POST /volumes/prune`; bytes."""

    volumes_deleted: Strings = None
    space_reclaimed: int = 0
