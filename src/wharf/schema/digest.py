"""Content digests: `sha256:` and 64 lower-case hex digits, and nothing else.

A `Digest` can only be made from text that matches in full, in ASCII, so it may stand in a path or a URL
without another look. Other algorithms of the OCI image specification (sha512) are refused: nothing here is
stored under them.
"""

import hashlib
import re
from typing import Self

from wharf.errors import InvalidParameter

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_SHAPE = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+", re.ASCII)


class InvalidDigest(InvalidParameter):
    """The text is no digest that this engine knows."""


class Digest(str):
    """A sha256 digest in its text form, `sha256:<64 hex>`; made by `parse` or `of` only."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Return `text` as a digest; raises InvalidDigest in the words of the OCI digest library."""
        if _DIGEST.fullmatch(text) is None:
            raise InvalidDigest(_fault(text))
        return super().__new__(cls, text)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return `text` as a digest; raises InvalidDigest."""
        return cls(text)

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Return the digest of `content`."""
        return cls(f"sha256:{hashlib.sha256(content).hexdigest()}")

    @classmethod
    def from_hex(cls, text: str) -> Self:
        """Return the digest whose 64 hex digits are `text`; raises InvalidDigest."""
        return cls(f"sha256:{text}")

    @property
    def hex(self) -> str:
        """The 64 hex digits."""
        return self[7:]

    @property
    def short(self) -> str:
        """The first 12 hex digits: the form of tables and of conflict messages."""
        return self[7:19]


def _fault(text: str) -> str:
    if _SHAPE.fullmatch(text) is None:
        return "invalid checksum digest format"
    algorithm, _, value = text.partition(":")
    if algorithm != "sha256":
        return "unsupported digest algorithm"
    return "invalid checksum digest length" if len(value) != 64 else "invalid checksum digest format"
