"""`HostConfig.Mounts`, what `--mount` sends: checked and read as Docker does it."""

import os
import posixpath

from wharf.engine.containers.mounts.point import (
    PROPAGATIONS,
    MountPoint,
    checked_absolute,
    checked_destination,
)
from wharf.engine.containers.mounts.tmpfs import data_of
from wharf.errors import InvalidParameter
from wharf.schema.host_config import BindOptions, Mount, VolumeOptions

_SECTIONS = {
    "BindOptions": ("bind_options", "bind"),
    "VolumeOptions": ("volume_options", "volume"),
    "TmpfsOptions": ("tmpfs_options", "tmpfs"),
}
_KINDS = ("bind", "volume", "tmpfs", "image")


def parse_mount(mount: Mount) -> MountPoint:
    """Read one; raises InvalidParameter in Docker's words."""
    for section, (field, kind) in _SECTIONS.items():
        if getattr(mount, field) is not None and mount.type in _KINDS and mount.type != kind:
            raise InvalidParameter(f'{section} must not be specified on mount type "{mount.type}"')
    try:
        return _read(mount)
    except InvalidParameter as error:
        raise InvalidParameter(f'invalid mount config for type "{mount.type}": {error}') from None


def _read(mount: Mount) -> MountPoint:
    if not mount.target:
        raise InvalidParameter("field Target must not be empty")
    destination = checked_destination(mount.target)
    if mount.image_options is not None and mount.type in {"bind", "volume", "tmpfs"}:
        raise InvalidParameter("field ImageOptions must not be specified")
    match mount.type:
        case "bind":
            return _bind(mount, destination)
        case "volume":
            return _volume(mount, destination)
        case "tmpfs":
            if mount.source:
                raise InvalidParameter("field Source must not be specified")
            data = data_of(mount.tmpfs_options, readonly=mount.read_only)
            return MountPoint(type="tmpfs", destination=destination, readonly=mount.read_only, data=data)
        case "image":
            if not mount.source:
                raise InvalidParameter("field Source must not be empty")
            subpath = mount.image_options.subpath if mount.image_options else ""
            return MountPoint(
                type="image",
                name=mount.source,
                destination=destination,
                readonly=True,
                propagation="rprivate",
                subpath=_local(subpath),
            )
    raise InvalidParameter("mount type unknown")


def _bind(mount: Mount, destination: str) -> MountPoint:
    options = mount.bind_options or BindOptions()
    if not mount.source:
        raise InvalidParameter("field Source must not be empty")
    if options.propagation and options.propagation not in PROPAGATIONS:
        raise InvalidParameter(f"invalid propagation mode: {options.propagation}")
    source = posixpath.normpath(checked_absolute(mount.source))
    check_source(source, makes_it=options.create_mountpoint)
    return MountPoint(
        type="bind",
        source=source,
        destination=destination,
        readonly=mount.read_only,
        propagation=options.propagation,
        bind=options,
        makes_source=options.create_mountpoint,
    )


def check_source(path: str, *, makes_it: bool) -> None:
    """Refuse the source of a bind that is missing and is not to be made."""
    if not makes_it and not os.path.lexists(path):
        raise InvalidParameter(f"bind source path does not exist: {path}")


def _volume(mount: Mount, destination: str) -> MountPoint:
    options = mount.volume_options or VolumeOptions()
    if options.subpath and not mount.source:
        raise InvalidParameter("must not set Subpath when using anonymous volumes")
    subpath = _local(options.subpath)
    if mount.read_only and not mount.source:
        raise InvalidParameter("must not set ReadOnly mode when using anonymous volumes")
    return MountPoint(
        type="volume",
        name=mount.source,
        destination=destination,
        readonly=mount.read_only,
        subpath=subpath,
        copies=not options.no_copy,
        is_anonymous=not mount.source,
    )


def _local(subpath: str) -> str:
    """Return a path below a volume or an image, if it is one, as Go's filepath.IsLocal has it."""
    if not subpath:
        return ""
    clean = posixpath.normpath(subpath)
    if clean == ".." or clean.startswith(("/", "../")):
        raise InvalidParameter("subpath must be a relative path within the volume")
    return subpath
