"""`HostConfig.Binds` and `VolumesFrom`: one text each, read as Docker reads them."""

import posixpath
from typing import NamedTuple

from wharf.engine.containers.mounts.point import PROPAGATIONS, MountPoint, checked_destination
from wharf.errors import InvalidParameter

_CHOICES = (
    ("rw", "ro"),
    ("z", "Z"),
    PROPAGATIONS,
    ("nocopy",),
    ("consistent", "cached", "delegated"),
)
"""Kinds of words that a mode may hold, one of each at most."""


def _is_mode(mode: str) -> bool:
    words = mode.split(",") if mode else []
    kinds = [kind for word in words for kind in _CHOICES if word in kind]
    return len(kinds) == len(words) == len(set(kinds))


def parse_bind(spec: str) -> MountPoint:
    """Read one `[SOURCE:]DESTINATION[:MODE[,MODE…]]`; a source that is no path is the name of a volume.

    Docker answers some of these refusals with 500; here they are all the client's mistake.
    """
    parts = spec.split(":")
    refused = f"invalid volume specification: '{spec}'"
    if not parts[0] or len(parts) > 3 or (len(parts) == 2 and _is_mode(parts[1])):
        raise InvalidParameter(refused)
    source = parts[0] if len(parts) > 1 else ""
    target = parts[1] if len(parts) > 1 else parts[0]
    mode = parts[2] if len(parts) == 3 else ""
    if not _is_mode(mode):
        raise InvalidParameter(f"invalid mode: {mode}")
    words = mode.split(",")
    propagation = next((word for word in words if word in PROPAGATIONS), "")
    is_bind = source.startswith("/")
    try:
        if not target:
            raise InvalidParameter("field Target must not be empty")
        destination = checked_destination(target)
        if is_bind and "nocopy" in words:
            raise InvalidParameter("field VolumeOptions must not be specified")
        if not is_bind and propagation:
            raise InvalidParameter("field BindOptions must not be specified")
    except InvalidParameter as error:
        kind = "bind" if is_bind else "volume"
        raise InvalidParameter(f'{refused}: invalid mount config for type "{kind}": {error}') from None
    if is_bind:
        return MountPoint(
            type="bind",
            source=posixpath.normpath(source),
            destination=destination,
            mode=mode,
            readonly="ro" in words,
            propagation=propagation,
            makes_source=True,
        )
    return MountPoint(
        type="volume",
        name=source,
        destination=destination,
        mode=mode,
        readonly="ro" in words,
        copies="nocopy" not in words,
        is_anonymous=not source,
    )


class VolumesFrom(NamedTuple):
    """Whose mounts are taken over, and whether read-only."""

    container: str
    readonly: bool


def parse_volumes_from(spec: str) -> VolumesFrom:
    """Read one `CONTAINER[:MODE]`; raises InvalidParameter."""
    if not spec:
        raise InvalidParameter("volumes-from specification cannot be an empty string")
    container, colon, mode = spec.partition(":")
    words = mode.split(",")
    if colon and (not _is_mode(mode) or {*words} & {*PROPAGATIONS, "nocopy"}):
        raise InvalidParameter(f"invalid mode: {mode}")
    return VolumesFrom(container, "ro" in words)
