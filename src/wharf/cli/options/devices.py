"""`--device`: host devices for a container."""

from __future__ import annotations

import os

from wharf.cli.errors import CliError


def parse_devices(texts: list[str]) -> list[dict[str, object]]:
    """Return the mappings that `texts` mean: `host[:container][:permissions]`, or a pattern that ends in `*`.

    Names of CDI devices are no mappings: see `split_cdi`.

    Raises:
        CliError: in Docker's words.
    """
    return [mapping for text in texts for mapping in _mappings(_validated(text))]


def split_cdi(texts: list[str]) -> tuple[list[str], list[str]]:
    """Return the names of CDI devices (`vendor.com/class=name`) among `texts`, and the rest."""
    names = [text for text in texts if _is_cdi(text)]
    return names, [text for text in texts if not _is_cdi(text)]


def _is_cdi(text: str) -> bool:
    kind, equals, name = text.partition("=")
    vendor, slash, device_class = kind.partition("/")
    return bool(equals and slash and vendor and device_class and name) and not text.startswith("/")


def _is_mode(text: str) -> bool:
    return bool(text) and set(text) <= set("rwm") and len(set(text)) == len(text)


def _validated(text: str) -> str:
    parts = text.split(":")
    if len(parts) > 3 or not parts[0]:
        raise CliError(f"bad format for path: {text}")
    if len(parts) == 1:
        container, result = parts[0], _clean(parts[0])
    elif len(parts) == 2 and _is_mode(parts[1]):
        container, result = parts[0], f"{_clean(parts[0])}:{parts[1]}"
    elif len(parts) == 2:
        container, result = parts[1], f"{parts[0]}:{_clean(parts[1])}"
    else:
        if not _is_mode(parts[2]):
            raise CliError(f"bad mode specified: {parts[2]}")
        container, result = parts[1], text
    if not container.startswith("/"):
        raise CliError(f"{container} is not an absolute path")
    return result


def _clean(path: str) -> str:
    """Return `path` without dots and doubled slashes, as Go's path.Clean."""
    clean = os.path.normpath(path)
    return clean[1:] if clean.startswith("//") else clean


def _mappings(text: str) -> list[dict[str, object]]:
    source, *rest = text.split(":")
    target, permissions = "", "rwm"
    if rest and _is_mode(rest[0]):
        permissions = rest[0]
    elif rest:
        target = rest[0]
        if len(rest) == 2:
            permissions = rest[1]
    if not source.endswith("*"):
        return [_mapping(source, target or source, permissions)]
    if target:
        raise CliError(f"device with * suffix can't have dst: {text}")
    import glob

    return [_mapping(path, path, permissions) for path in sorted(glob.glob(source))]


def _mapping(source: str, target: str, permissions: str) -> dict[str, object]:
    return {"PathOnHost": source, "PathInContainer": target, "CgroupPermissions": permissions}
