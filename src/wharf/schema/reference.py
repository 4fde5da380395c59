"""Image references: `[domain/]path[:tag][@digest]`, as the distribution project's grammar has them.

`Reference.parse` takes what users type: a missing domain is docker.io, a one-word path on docker.io lies in
`library/`. Nothing is added for a missing tag; `tagged()` does that. What a `Reference` holds has matched the
grammar in full, in ASCII, so its parts may stand in URLs, file names and headers.
"""

import re
from dataclasses import dataclass, replace

from wharf.errors import InvalidParameter
from wharf.schema.digest import Digest

DEFAULT_DOMAIN = "docker.io"
DEFAULT_TAG = "latest"
PATH_MAX = 255
"""Characters in a reference's path, as the distribution specification has it."""

_OLD_DOMAIN = "index.docker.io"
_LIBRARY = "library/"

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])"
_DOMAIN = rf"{_HOST}(?::[0-9]+)?"
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_TAG = r"\w[\w.-]{0,127}"
_SOME_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"

_REFERENCE = re.compile(
    rf"(?P<domain>{_DOMAIN})/(?P<path>{_COMPONENT}(?:/{_COMPONENT})*)(?::(?P<tag>{_TAG}))?(?:@(?P<digest>{_SOME_DIGEST}))?",
    re.ASCII,
)
_TAG_ALONE = re.compile(_TAG, re.ASCII)
_IDENTIFIER = re.compile(r"[a-f0-9]{64}", re.ASCII)
_INPUT_MAX = 1024
"""No reference is longer: a name of 255, a tag of 128, a digest, and the longest domain."""


class InvalidReference(InvalidParameter):
    """The text is no image reference."""


@dataclass(frozen=True, slots=True)
class Reference:
    """The name of an image: where it lies (`domain`, `path`) and which one it is (`tag`, `digest`)."""

    domain: str
    path: str
    tag: str | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> "Reference":
        """Return the reference that a user means by `text`.

        Raises InvalidReference or InvalidDigest in Docker's words.
        """
        if _IDENTIFIER.fullmatch(text):
            raise InvalidReference(
                f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings"
            )
        domain, remainder = _split_domain(text)
        remote = remainder.partition(":")[0]
        if remote.lower() != remote:
            raise InvalidReference(f"invalid reference format: repository name ({remote}) must be lowercase")
        whole = f"{domain}/{remainder}"
        match = _REFERENCE.fullmatch(whole) if len(whole) <= _INPUT_MAX else None
        if match is None:
            raise InvalidReference("invalid reference format")
        if len(match["path"]) > PATH_MAX:
            raise InvalidReference(f"repository name must not be more than {PATH_MAX} characters")
        digest = match["digest"]
        return cls(match["domain"], match["path"], match["tag"], None if digest is None else Digest(digest))

    @property
    def name(self) -> str:
        """`domain/path`, without tag and digest."""
        return f"{self.domain}/{self.path}"

    @property
    def familiar_name(self) -> str:
        """The name as users write it: without docker.io, and without `library/` there."""
        if self.domain != DEFAULT_DOMAIN:
            return self.name
        short = self.path.removeprefix(_LIBRARY)
        return self.path if "/" in short else short

    @property
    def familiar(self) -> str:
        """The whole reference as users write it: `busybox:latest`, `busybox@sha256:…`."""
        return self.familiar_name + self._suffix

    @property
    def is_name_only(self) -> bool:
        """Whether there is neither a tag nor a digest."""
        return self.tag is None and self.digest is None

    def tagged(self) -> "Reference":
        """Return the same reference, with the tag `latest` when it has neither tag nor digest."""
        return replace(self, tag=DEFAULT_TAG) if self.is_name_only else self

    def with_tag(self, tag: str) -> "Reference":
        """Return this name with the tag `tag` and no digest; raises InvalidReference."""
        if _TAG_ALONE.fullmatch(tag) is None:
            raise InvalidReference("invalid tag format")
        return Reference(self.domain, self.path, tag)

    def with_digest(self, digest: Digest) -> "Reference":
        """Return this name with `digest` and no tag."""
        return Reference(self.domain, self.path, None, digest)

    def trimmed(self) -> "Reference":
        """Return the bare name."""
        return Reference(self.domain, self.path)

    @property
    def _suffix(self) -> str:
        tag = "" if self.tag is None else f":{self.tag}"
        digest = "" if self.digest is None else f"@{self.digest}"
        return tag + digest

    def __str__(self) -> str:
        return self.name + self._suffix


def _split_domain(text: str) -> tuple[str, str]:
    """Return domain and remainder; the first part of a name is a domain when it could be nothing else."""
    first, slash, rest = text.partition("/")
    if not slash:
        return DEFAULT_DOMAIN, _LIBRARY + text
    if first in {DEFAULT_DOMAIN, _OLD_DOMAIN}:
        domain = DEFAULT_DOMAIN
    elif first == "localhost" or "." in first or ":" in first or first.lower() != first:
        domain = first
    else:
        domain, rest = DEFAULT_DOMAIN, text
    if domain == DEFAULT_DOMAIN and "/" not in rest:
        rest = _LIBRARY + rest
    return domain, rest
