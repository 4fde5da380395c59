"""What a volume is, what it may be called, and what is said of one that is not as it should be.

| word | meaning |
| --- | --- |
| volume | a name with a folder `<volumes>/<name>/_data`, or with options that say what is mounted instead |
| user | a container that was made with the volume, running or not: it keeps the volume from being removed |
| maker | the container at whose creation the volume was made, until that creation is on record |
"""

import re
from collections.abc import Iterable

import msgspec

from wharf.errors import Conflict, InvalidParameter, NotFound

LOCAL = "local"
"""The one driver: volumes on this host."""

ANONYMOUS_LABEL = "com.docker.volume.anonymous"
"""On volumes that nobody has named; by it `prune` knows them."""

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", re.ASCII)


class Volume(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A volume as it is kept in the database; `created` is in nanoseconds of the wall clock."""

    name: str
    created: int
    labels: dict[str, str] | None = None
    options: dict[str, str] | None = None
    maker: str = ""
    """A container whose creation is not on record yet: without it, this volume is nobody's."""
    is_going: bool = False
    """The removal has been decided; the folder may be gone already."""

    @property
    def is_anonymous(self) -> bool:
        """Whether nobody has given it a name."""
        return ANONYMOUS_LABEL in (self.labels or {})


class NoSuchVolume(NotFound):
    """No volume has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"get {name}: no such volume")


class InUse(Conflict):
    """Containers were made with it."""

    def __init__(self, name: str, users: Iterable[str]) -> None:
        super().__init__(f"remove {name}: volume is in use - [{', '.join(users)}]")


def check_name(name: str) -> None:
    """Refuse what no volume may be called, in Docker's words."""
    if len(name) == 1:
        raise InvalidParameter(
            f"create {name}: volume name is too short, names should be at least two alphanumeric characters"
        )
    if not _NAME.fullmatch(name):
        raise InvalidParameter(
            f'create {name}: "{name}" includes invalid characters for a local volume name, only '
            '"[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, '
            "use absolute path"
        )


def check_driver(name: str, driver: str) -> None:
    """Refuse a driver that is not there, in Docker's words."""
    if driver not in {"", LOCAL}:
        raise NotFound(f'create {name}: error looking up volume plugin {driver}: plugin "{driver}" not found')
