"""Names of images as users write them, read by the rules of the distribution reference grammar."""

from __future__ import annotations

from wharf.cli.errors import CliError

DEFAULT_DOMAIN = "docker.io"
OFFICIAL = "library/"
_LONGEST = 255
_ALGORITHMS = {"sha256": 64, "sha384": 96, "sha512": 128}
_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_TAG = _LOWER | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ_")


class Reference:
    """A name: `domain` and `path` in full, and tag or digest where they are given."""

    __slots__ = ("digest", "domain", "path", "tag")

    def __init__(self, domain: str, path: str, tag: str = "", digest: str = "") -> None:
        self.domain = domain
        self.path = path
        self.tag = tag
        self.digest = digest

    @property
    def familiar_name(self) -> str:
        """The repository as users write it: without what goes without saying."""
        if self.domain != DEFAULT_DOMAIN:
            return f"{self.domain}/{self.path}"
        return self.path.removeprefix(OFFICIAL) if self.path.count("/") == 1 else self.path

    @property
    def familiar(self) -> str:
        """The whole name as users write it."""
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return self.familiar_name + tag + digest

    @property
    def full(self) -> str:
        """The whole name with nothing left out."""
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.domain}/{self.path}{tag}{digest}"

    def with_default_tag(self) -> Reference:
        """Return the same with the tag `latest` where neither tag nor digest is given."""
        if self.tag or self.digest:
            return self
        return Reference(self.domain, self.path, "latest")


def is_identifier(text: str) -> bool:
    """Return whether `text` is a whole image id, which is no name."""
    return len(text) == 64 and _is_hex(text)


def parse(text: str) -> Reference:
    """Return what `text` names.

    Raises:
        CliError: it is no name, in Docker's words.
    """
    if is_identifier(text):
        raise CliError(f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings")
    name, at, digest = text.partition("@")
    head, slash, last = name.rpartition("/")
    last, colon, tag = last.partition(":")
    name = head + slash + last
    domain, path = _split_domain(name)
    if path.lower() != path:
        raise CliError(f"invalid reference format: repository name ({path}) must be lowercase")
    valid = (
        _is_path(path)
        and _is_domain(domain)
        and (not colon or _is_tag(tag))
        and (not at or _is_digest(digest))
    )
    if not valid:
        raise CliError("invalid reference format")
    if len(path) > _LONGEST:
        raise CliError("repository name must not be more than 255 characters")
    return Reference(domain, path, tag, digest)


def _split_domain(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    is_domain = slash and (first == "localhost" or "." in first or ":" in first or first.lower() != first)
    domain, path = (first, rest) if is_domain else (DEFAULT_DOMAIN, name)
    if domain == "index.docker.io":
        domain = DEFAULT_DOMAIN
    if domain == DEFAULT_DOMAIN and "/" not in path:
        path = OFFICIAL + path
    return domain, path


def _is_path(path: str) -> bool:
    return all(map(_is_component, path.split("/")))


def _is_component(text: str) -> bool:
    """Letters and digits, between them one dot, one or two underscores, or any number of dashes."""
    if not text or text[0] not in _LOWER or text[-1] not in _LOWER:
        return False
    separator = ""
    for character in text:
        if character in _LOWER:
            if separator not in ("", ".", "_", "__") and separator.strip("-"):
                return False
            separator = ""
        elif character in "._-":
            separator += character
        else:
            return False
    return True


def _is_domain(domain: str) -> bool:
    host, colon, port = domain.rpartition(":") if not domain.endswith("]") else (domain, "", "")
    if not colon:
        host = domain
    if colon and not port.isdigit():
        return False
    if host.startswith("[") and host.endswith("]"):
        return all(character in "0123456789abcdefABCDEF:" for character in host[1:-1])
    labels = host.split(".")
    return all(
        label and label.replace("-", "a").isalnum() and label.isascii() and "-" not in (label[0], label[-1])
        for label in labels
    )


def _is_tag(tag: str) -> bool:
    return (
        0 < len(tag) <= 128
        and tag[0] in _TAG
        and all(character in _TAG or character in ".-" for character in tag)
    )


def _is_digest(digest: str) -> bool:
    algorithm, _, value = digest.partition(":")
    return len(value) == _ALGORITHMS.get(algorithm, -1) and _is_hex(value)


def _is_hex(text: str) -> bool:
    return all(character in "0123456789abcdef" for character in text)
