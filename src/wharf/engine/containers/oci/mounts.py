"""The mounts of an OCI configuration: the user's laid over the standard ones."""

from collections.abc import Iterable

from wharf.engine.containers.mounts.point import MountPoint
from wharf.errors import Internal
from wharf.runtime.spec import Mount


def bound(point: MountPoint, source: str, *, options: Iterable[str] = ()) -> Mount:
    """Return the bind of `source` that a mount point comes to; `options` come before what the user says."""
    wanted = point.bind
    kind = "bind" if wanted.non_recursive else "rbind"
    mount: Mount = {
        "destination": point.destination,
        "type": "bind",
        "source": source,
        "options": [kind, *options, *_readonly(point), point.propagation or "rprivate"],
    }
    if point.subpath:
        mount["subpath"] = point.subpath
    return mount


def _readonly(point: MountPoint) -> list[str]:
    """Return the option of a read-only mount: since Linux 5.12 with all that is mounted below."""
    if not point.readonly:
        return []
    if point.bind.read_only_non_recursive and point.bind.read_only_force_recursive:
        raise Internal("mount options conflict: ReadOnlyNonRecursive && BindOptions.ReadOnlyForceRecursive")
    return ["ro"] if point.bind.read_only_non_recursive else ["rro"]


def tmpfs(destination: str, options: list[str]) -> Mount:
    """Return a tmpfs."""
    return {"destination": destination, "type": "tmpfs", "source": "tmpfs", "options": options}


def root_propagation(asked: set[str]) -> str | None:
    """Return what the root has to be for these propagations: a bind that shares needs one that shares."""
    if asked & {"shared", "rshared"}:
        return "shared"
    return "slave" if asked & {"slave", "rslave"} else None


def overlay(defaults: list[Mount], added: list[Mount]) -> list[Mount]:
    """Lay `added` over `defaults`, outer ones first.

    The same destination is replaced, and /dev takes all below with it.
    """
    destinations = {mount["destination"] for mount in added}
    kept = [mount for mount in defaults if mount["destination"] not in destinations]
    if "/dev" in destinations:
        kept = [mount for mount in kept if not mount["destination"].startswith("/dev/")]
    return kept + sorted(added, key=lambda mount: mount["destination"].count("/"))
