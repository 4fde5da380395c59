"""A mount point of a container: what a `-v`, a `--mount`, a `VOLUME` or a `--volumes-from` came to."""

import posixpath
from typing import Literal

import msgspec

from wharf.errors import InvalidParameter
from wharf.schema.host_config import BindOptions

Kind = Literal["bind", "volume", "tmpfs", "image"]

PROPAGATIONS = ("private", "rprivate", "shared", "rshared", "slave", "rslave")


class MountPoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One mount, as it stays with its container; `mode` is what the user wrote, for inspect."""

    type: Kind
    destination: str
    source: str = ""
    """A path of the host (of a volume: its folder), or the reference of an image."""
    name: str = ""
    """The volume's, or the image's as the user named it."""
    driver: str = ""
    mode: str = ""
    readonly: bool = False
    propagation: str = ""
    subpath: str = ""
    data: str = ""
    """Options of a tmpfs."""
    image_id: str = ""
    chain: str = ""
    """The layers of an image, as the content room knows them."""
    bind: BindOptions = msgspec.field(default_factory=BindOptions)
    makes_source: bool = False
    """A bind whose source is made where it is missing."""
    copies: bool = False
    """A volume that takes over what the image has at its place."""
    is_anonymous: bool = False
    """A volume that goes with its container, where that is asked for."""

    @property
    def chose_propagation(self) -> bool:
        """Whether the user has said how mounts propagate."""
        return bool(self.bind.propagation or {*PROPAGATIONS}.intersection(self.mode.split(",")))


def checked_destination(text: str) -> str:
    """Return a place in the container in its shortest form; raises InvalidParameter in Docker's words."""
    if posixpath.normpath(text) in {"/", "//"}:
        raise InvalidParameter("invalid specification: destination can't be '/'")
    return posixpath.normpath(checked_absolute(text))


def checked_absolute(path: str) -> str:
    """Return `path` if it begins at the root; raises InvalidParameter in Docker's words."""
    if not path.startswith("/"):
        raise InvalidParameter(f"invalid mount path: '{path}' mount path must be absolute")
    return path
