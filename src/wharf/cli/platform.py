"""Platforms (`linux/arm64/v8`) on the command line, as the API takes them."""

from __future__ import annotations

from wharf.cli.errors import CliError

_ARCHITECTURES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "armhf": "arm", "i386": "386"}
_SYSTEMS = ("linux", "windows", "darwin", "freebsd")


def platform_fields(text: str) -> dict[str, str]:
    """Return os, architecture and variant of `text`; a single word may be either of the first two.

    Raises:
        CliError: it is no platform.
    """
    parts = text.lower().split("/")
    if not text or len(parts) > 3 or not all(parts):
        raise CliError(f'"{text}": cannot parse platform specifier: invalid argument')
    if len(parts) == 1 and parts[0] not in _SYSTEMS:
        parts = ["linux", parts[0]]
    fields = {"os": parts[0]}
    if len(parts) > 1:
        fields["architecture"] = _ARCHITECTURES.get(parts[1], parts[1])
    if len(parts) > 2:
        fields["variant"] = parts[2]
    return fields


def platform_json(text: str) -> str:
    """Return `text` as the query value of image requests; empty for no platform."""
    if not text:
        return ""
    import json

    fields = platform_fields(text)
    ordered = {name: fields.get(name, "") for name in ("architecture", "os", "variant") if name in fields}
    return json.dumps(ordered, separators=(",", ":"))
