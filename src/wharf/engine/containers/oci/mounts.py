"""What the user asked to be mounted: `-v`, `--mount`, `--tmpfs`, read as Docker reads them."""

import os
import posixpath
import re
from typing import NamedTuple

from wharf.engine.errors import NotYet
from wharf.errors import InvalidParameter
from wharf.runtime.spec import Mount
from wharf.schema.host_config import HostConfig

PROPAGATIONS = {"shared", "slave", "private", "rshared", "rslave", "rprivate"}
_MODES = {"ro", "rw", "z", "Z", "nocopy", "consistent", "cached", "delegated"} | PROPAGATIONS
_VOLUME_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", re.ASCII)


class UserMount(NamedTuple):
    """One mount of the user's: a host path or a tmpfs on a path of the container."""

    kind: str
    source: str
    destination: str
    mode: str
    readonly: bool
    propagation: str
    create_source: bool
    options: tuple[str, ...] = ()
    is_listed: bool = True
    """Inspect lists what came by `-v` and `--mount`, not what came by `--tmpfs`."""

    def oci(self) -> Mount:
        """Return it as an OCI mount."""
        if self.kind == "tmpfs":
            options = ["noexec", "nosuid", "nodev", *self.options]
            return {"destination": self.destination, "type": "tmpfs", "source": "tmpfs", "options": options}
        options = ["rbind", *(["ro"] if self.readonly else []), self.propagation]
        return {"destination": self.destination, "type": "bind", "source": self.source, "options": options}


def _destination(text: str, spec: str, kind: str = "volume") -> str:
    if not text.startswith("/"):
        raise InvalidParameter(
            f"invalid volume specification: '{spec}': invalid mount config for type \"{kind}\": "
            f"invalid mount path: '{text}' mount path must be absolute"
        )
    cleaned = posixpath.normpath(text)
    if cleaned in {"/", "//"}:
        raise InvalidParameter(
            f"invalid volume specification: '{spec}': invalid mount config for type \"bind\": "
            "invalid specification: destination can't be '/'"
        )
    return cleaned


def parse_bind(spec: str) -> UserMount:
    """Read one `SOURCE:DESTINATION[:MODE[,MODE…]]` of HostConfig.Binds."""
    parts = spec.split(":")
    if len(parts) < 2 or len(parts) > 3 or not parts[0] or not parts[1]:
        raise InvalidParameter(f"invalid volume specification: '{spec}'")
    source, target = parts[0], parts[1]
    mode = parts[2] if len(parts) == 3 else ""
    modes = [word for word in mode.split(",") if word]
    if any(word not in _MODES for word in modes) or (len(parts) == 3 and not modes):
        raise InvalidParameter(f"invalid mode: {mode}")
    if not source.startswith("/"):
        if not _VOLUME_NAME.fullmatch(source):
            raise InvalidParameter(
                f'create {source}: "{source}" includes invalid characters for a local volume name, only '
                '"[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, '
                "use absolute path"
            )
        raise NotYet(f'the named volume "{source}"')
    propagation = next((word for word in modes if word in PROPAGATIONS), "rprivate")
    return UserMount(
        "bind",
        posixpath.normpath(source),
        _destination(target, spec, "bind"),
        mode,
        "ro" in modes,
        propagation,
        True,
    )


def _tmpfs(destination: str, options: str) -> UserMount:
    words = tuple(word for word in options.split(",") if word)
    return UserMount(
        "tmpfs", "", _destination(destination, destination), options, "ro" in words, "", False, words
    )


def user_mounts(host: HostConfig) -> list[UserMount]:
    """Return all of the user's mounts; two on one destination are refused."""
    found = [parse_bind(bind) for bind in host.binds or ()]
    for mount in host.mounts or ():
        if mount.type == "tmpfs":
            sized = mount.tmpfs_options
            words = [f"size={sized.size_bytes}"] if sized and sized.size_bytes else []
            words += [f"mode={sized.mode:o}"] if sized and sized.mode else []
            found.append(_tmpfs(mount.target, ",".join(words)))
        elif mount.type == "bind":
            propagation = (mount.bind_options.propagation if mount.bind_options else "") or "rprivate"
            create = bool(mount.bind_options and mount.bind_options.create_mountpoint)
            if not create and not os.path.lexists(mount.source):
                raise InvalidParameter(
                    f'invalid mount config for type "bind": bind source path does not exist: {mount.source}'
                )
            target = _destination(mount.target, mount.target)
            found.append(UserMount("bind", mount.source, target, "", mount.read_only, propagation, create))
        else:
            raise NotYet(f'a mount of type "{mount.type}"')
    found += [_tmpfs(path, options)._replace(is_listed=False) for path, options in (host.tmpfs or {}).items()]
    destinations = [mount.destination for mount in found]
    for destination in destinations:
        if destinations.count(destination) > 1:
            raise InvalidParameter(f"Duplicate mount point: {destination}")
    return found


def make_sources(host: HostConfig) -> None:
    """Make the folders that `-v` names on the host and that are missing, as Docker does at each start."""
    for mount in user_mounts(host):
        if mount.create_source and not os.path.lexists(mount.source):
            os.makedirs(mount.source, 0o755, exist_ok=True)


def overlay(defaults: list[Mount], added: list[Mount]) -> list[Mount]:
    """Lay `added` over `defaults`, outer ones first.

    The same destination is replaced, and /dev takes all below with it.
    """
    destinations = {mount["destination"] for mount in added}
    kept = [mount for mount in defaults if mount["destination"] not in destinations]
    if "/dev" in destinations:
        kept = [mount for mount in kept if not mount["destination"].startswith("/dev/")]
    return kept + sorted(added, key=lambda mount: mount["destination"].count("/"))
