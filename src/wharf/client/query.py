"""Paths and queries of the Engine API written as URLs, and its versions compared."""

from __future__ import annotations

import json
from collections.abc import Mapping

Query = Mapping[str, "str | int | bool | list[str] | None"]
"""Names and values: None is left out, True is "1", a list repeats the name."""


def version_key(version: str) -> tuple[int, ...]:
    """Return an API version as something to compare: "1.9" is before "1.24"."""
    return tuple(int(part) if part.isdigit() else 0 for part in version.split("."))


_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def quote(text: str, safe: str = "") -> str:
    """Return `text` percent-encoded for a URL (RFC 3986), but for unreserved characters and `safe`."""
    if all(character in _PLAIN for character in text):
        return text
    return "".join(
        chr(byte) if chr(byte) in _PLAIN or chr(byte) in safe else f"%{byte:02X}"
        for byte in text.encode("utf-8", "surrogateescape")
    )


def encode_query(query: Query | None) -> str:
    """Return `?name=value&…`, sorted by name as Go's client sends it, or nothing."""
    pairs: list[str] = []
    for name, value in sorted((query or {}).items()):
        if value is None:
            continue
        values = value if isinstance(value, list) else [value]
        for one in values:
            text = ("1" if one else "0") if isinstance(one, bool) else str(one)
            pairs.append(f"{quote(name)}={quote(text)}")
    return "?" + "&".join(pairs) if pairs else ""


def encode_filters(filters: Mapping[str, list[str]]) -> str | None:
    """Return a `filters` query value, or None where nothing is asked."""
    if not filters:
        return None
    return json.dumps({name: dict.fromkeys(values, True) for name, values in filters.items()})
