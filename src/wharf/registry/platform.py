"""Platforms: `linux/arm64/v8`, which one this machine is, and which of an index's entries fits best.

The order of what a machine can also run follows containerd's `platforms` package: an arm machine runs the
variants below its own.
"""

import os
import re
from collections.abc import Sequence

import msgspec

from wharf.errors import InvalidParameter
from wharf.schema.oci import Descriptor
from wharf.schema.oci import Platform as SchemaPlatform

_PART = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)
_SYSTEM = re.compile(r"[A-Za-z0-9_-]+(?:\([A-Za-z0-9_.%-]*(?:\+[A-Za-z0-9_.%-]+)*\))?", re.ASCII)
_SYSTEMS = frozenset(
    {"aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js", "linux", "nacl"}
    | {"netbsd", "openbsd", "plan9", "solaris", "windows", "zos"}
)
_ARCHITECTURES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "i386": "386", "i686": "386"}
_ARM = {"armhf": "v7", "armel": "v6", "armv7l": "v7", "armv6l": "v6"}
_ATTESTATION = "vnd.docker.reference.type"


class Platform(msgspec.Struct, frozen=True):
    """An operating system and a processor, in normal form."""

    os: str
    architecture: str
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> "Platform":
        """Return the platform `os[/architecture[/variant]]`; raises InvalidParameter in Docker's words."""
        parts = text.split("/")
        if not 1 <= len(parts) <= 3:
            raise InvalidParameter(f'"{text}": cannot parse platform specifier: invalid argument')
        _check_parts(text, parts)
        if len(parts) == 1:
            if not _is_architecture(text) and text.lower() not in _SYSTEMS:
                raise InvalidParameter(
                    f'"{text}": unknown operating system or architecture: invalid argument'
                )
            os_name, architecture = ("linux", text) if _is_architecture(text) else (text, machine())
            return cls(os_name.lower(), *_normal(architecture, ""))
        return cls(parts[0].lower(), *_normal(parts[1], parts[2] if len(parts) == 3 else ""))

    @classmethod
    def of_host(cls) -> "Platform":
        """Return this machine's."""
        return cls("linux", *_normal(machine(), ""))

    @classmethod
    def of_image(cls, os_name: str, architecture: str, variant: str) -> "Platform":
        """Return the platform that an image's config names; one that names none is for this machine."""
        return cls(os_name.lower() or "linux", *_normal(architecture or machine(), variant))

    @classmethod
    def from_json(cls, text: str) -> "Platform":
        """Return the platform in a query of the API: an OCI platform object; raises InvalidParameter."""
        try:
            found = msgspec.json.decode(text, type=SchemaPlatform)
        except msgspec.ValidationError as error:
            raise InvalidParameter(f"failed to parse platform: {error}") from None
        except (msgspec.DecodeError, RecursionError):
            raise InvalidParameter(f"failed to parse platform: {_go_fault(text)}") from None
        return cls(found.os.lower(), *_normal(found.architecture, found.variant))

    def can_run(self, other: "Platform") -> bool:
        """Whether this machine runs what is for `other`."""
        return other in _acceptable(self)

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))


def _go_fault(text: str) -> str:
    """Return what Go's encoding/json finds wrong with the beginning of a value."""
    first = text.strip()[:1]
    if not first:
        return "unexpected end of JSON input"
    return f"invalid character '{first}' looking for beginning of value"


def _check_parts(text: str, parts: Sequence[str]) -> None:
    if not _SYSTEM.fullmatch(parts[0]):
        raise InvalidParameter(
            f'"{parts[0]}" is an invalid OS component of "{text}": OSAndVersion specifier component must '
            "match "
            r'"^([A-Za-z0-9_-]+)(?:\\(([A-Za-z0-9_.%-]*)((?:\\+[A-Za-z0-9_.%-]+)*)\\))?$": invalid argument'
        )
    for part in parts[1:]:
        if not _PART.fullmatch(part):
            raise InvalidParameter(
                f'"{part}" is an invalid component of "{text}": platform specifier component must match '
                '"^[A-Za-z0-9_.-]+$": invalid argument'
            )


def machine() -> str:
    """Return this machine's architecture, as uname(2) has it."""
    return os.uname().machine


def choose(entries: Sequence[Descriptor], wanted: Platform) -> Descriptor | None:
    """Return the entry that fits `wanted` best, or None; of equal ones the first."""
    acceptable = _acceptable(wanted)
    best: tuple[int, Descriptor] | None = None
    for entry in entries:
        if _ATTESTATION in entry.annotations or entry.platform is None:
            continue
        found = _of(entry.platform)
        rank = acceptable.index(found) if found in acceptable else -1
        if rank >= 0 and (best is None or rank < best[0]):
            best = (rank, entry)
    return None if best is None else best[1]


def _acceptable(wanted: Platform) -> list[Platform]:
    """Return what runs on `wanted`, best first."""
    if wanted.architecture != "arm":
        return [wanted]
    level = int(wanted.variant[1:]) if wanted.variant[1:].isdecimal() else 7
    return [Platform(wanted.os, "arm", f"v{n}") for n in range(level, 4, -1)]


def _of(platform: SchemaPlatform) -> Platform:
    return Platform(platform.os.lower(), *_normal(platform.architecture, platform.variant))


def _is_architecture(text: str) -> bool:
    known = {"amd64", "arm64", "arm", "386", "ppc64le", "s390x", "riscv64", "mips64le", "loong64"}
    return text.lower() in known or text.lower() in _ARCHITECTURES or text.lower() in _ARM


def _normal(architecture: str, variant: str) -> tuple[str, str]:
    architecture, variant = architecture.lower(), variant.lower()
    if architecture in _ARM:
        return "arm", variant or _ARM[architecture]
    architecture = _ARCHITECTURES.get(architecture, architecture)
    if architecture == "arm64" and variant in {"8", "v8"}:
        return architecture, ""
    if architecture == "amd64" and variant == "v1":
        return architecture, ""
    if architecture == "arm":
        return architecture, (variant if variant.startswith("v") else f"v{variant}") if variant else "v7"
    return architecture, variant
