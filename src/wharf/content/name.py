"""Member names of archives, and what they mean in a layer: clean paths and whiteouts.

A clean name is relative, without `.`, `..` and empty parts; the root is `b""`. Cleaning is by the letters
alone, as Go's `filepath.Clean` does it for Docker; links on the way are the business of whoever opens it.
"""

from wharf.content.tar.header import BadArchive

WHITEOUT = b".wh."
"""Begins the name of an empty file that hides what its rest names (OCI image-spec, layer.md)."""

OPAQUE = b".wh..wh..opq"
"""The file that hides all of the lower layers' content of its directory."""

_META = b".wh..wh."


def shown(name: bytes) -> str:
    """Return `name` for a message."""
    return name.decode("utf-8", "replace")


def clean(name: bytes) -> bytes:
    """Return the clean form of a member's name; raises BadArchive when it leads above the archive's root."""
    if name[:1] not in b"/." and b"/." not in name and b"//" not in name:
        return name.rstrip(b"/")
    parts: list[bytes] = []
    for part in name.split(b"/"):
        if part == b"..":
            if parts:
                parts.pop()
            elif not name.startswith(b"/"):
                raise BadArchive(f'invalid tar entry: "{shown(name)}" is outside of the archive')
        elif part not in (b"", b"."):
            parts.append(part)
    return b"/".join(parts)


def hidden(base: bytes) -> bytes:
    """Return what the whiteout `base` hides; raises BadArchive for a whiteout of nothing that has a name."""
    name = base[len(WHITEOUT) :]
    if name in (b"", b".", b"..") or base.startswith(_META):
        raise BadArchive(f'invalid whiteout "{shown(base)}"')
    return name
