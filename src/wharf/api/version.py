"""The version a request asks for: the `/v1.NN` before its path, compared as dockerd compares.

Inside the API a version is its minor number: 51 for 1.51.
"""

import functools
from typing import NamedTuple

from wharf.errors import InvalidParameter
from wharf.schema.version import API_VERSION, MIN_API_VERSION

CURRENT = int(API_VERSION.partition(".")[2])
"""The version of a request that names none."""

OLDEST = int(MIN_API_VERSION.partition(".")[2])


class VersionTooOld(InvalidParameter):
    """Answered as plain text: clients that old do not know the JSON form of an error."""


class Versioned(NamedTuple):
    """A path without its version, and the version."""

    path: str
    version: int


def split(path: str) -> Versioned:
    """Take the version off a path; raises InvalidParameter where it is not one that is served."""
    if not path.startswith("/v"):
        return Versioned(path, CURRENT)
    prefix, slash, rest = path[2:].partition("/")
    if not slash or not prefix or prefix.strip("0123456789."):
        return Versioned(path, CURRENT)
    return Versioned(f"/{rest}", _checked(prefix))


@functools.lru_cache(maxsize=64)
def _checked(text: str) -> int:
    numbers = [int(part or 0) for part in text[:32].split(".")]
    major, minor, *rest = [*numbers, 0, 0]
    if (major, minor, any(rest)) > (1, CURRENT, False):
        raise InvalidParameter(
            f"client version {text} is too new. Maximum supported API version is {API_VERSION}"
        )
    if (major, minor) < (1, OLDEST):
        raise VersionTooOld(
            f"client version {text} is too old. Minimum supported API version is {MIN_API_VERSION}, "
            "please upgrade your client to a newer version"
        )
    return minor
