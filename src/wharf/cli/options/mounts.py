"""`--mount` and `-v`: what is mounted into a container."""

from __future__ import annotations

import os

from wharf.cli.errors import CliError
from wharf.cli.kinds import read_bool, read_int
from wharf.cli.options.csv import csv_fields

_ALONE = ("readonly", "ro", "volume-nocopy", "bind-nonrecursive")
"""Keys that mean true without a value."""

_SECTIONS = {
    "volume": "VolumeOptions",
    "bind": "BindOptions",
    "tmpfs": "TmpfsOptions",
    "image": "ImageOptions",
}

_RECURSIVE: dict[str, dict[str, object]] = {
    "enabled": {},
    "disabled": {"NonRecursive": True},
    "writable": {"ReadOnlyNonRecursive": True},
    "readonly": {"ReadOnlyForceRecursive": True},
}


class _Mount:
    """A mount in the making; `sections` are its options by type."""

    def __init__(self) -> None:
        self.type = "volume"
        self.source = ""
        self.target = ""
        self.consistency = ""
        self.readonly = False
        self.sections: dict[str, dict[str, object]] = {}

    def section(self, name: str) -> dict[str, object]:
        return self.sections.setdefault(name, {})


def parse_mount(text: str) -> dict[str, object]:
    """Return the API's form of `type=bind,source=…,target=…`.

    Raises:
        ValueError: in Docker's words.
    """
    mount = _Mount()
    for field in csv_fields(text):
        key, equals, value = field.partition("=")
        if not equals:
            if key not in _ALONE:
                raise ValueError(f"invalid field '{field}' must be a key=value pair")
            value = "true"
        _set(mount, key.lower(), value, field)
    if not mount.type:
        raise ValueError("type is required")
    if not mount.target:
        raise ValueError("target is required")
    for name in mount.sections:
        if name != mount.type:
            raise ValueError(f"cannot mix '{name}-*' options with mount type '{mount.type}'")
    _check_recursion(mount)
    return _wire(mount)


def _set(mount: _Mount, key: str, value: str, field: str) -> None:
    if key == "type":
        mount.type = value.lower()
    elif key in ("source", "src"):
        relative = value == "." or value.startswith("./")
        mount.source = os.path.abspath(value) if relative else value
    elif key in ("target", "dst", "destination"):
        mount.target = value
    elif key in ("readonly", "ro"):
        mount.readonly = _switch(key, value)
    elif key == "consistency":
        mount.consistency = value.lower()
    elif key.startswith("bind-"):
        _set_bind(mount, key, value, field)
    elif key.startswith("volume-"):
        _set_volume(mount, key, value, field)
    elif key == "image-subpath":
        mount.section("image")["Subpath"] = value
    elif key == "tmpfs-size":
        from wharf.cli.output.units import ram_in_bytes

        try:
            mount.section("tmpfs")["SizeBytes"] = ram_in_bytes(value)
        except ValueError:
            raise ValueError(f"invalid value for {key}: {value}") from None
    elif key == "tmpfs-mode":
        try:
            mode = read_int(value, 0, (1 << 32) - 1, call="ParseUint", base=8)
        except ValueError:
            raise ValueError(f"invalid value for {key}: {value}") from None
        mount.section("tmpfs")["Mode"] = mode
    else:
        raise ValueError(f"unexpected key '{key}' in '{field}'")


def _set_bind(mount: _Mount, key: str, value: str, field: str) -> None:
    if key == "bind-propagation":
        mount.section("bind")["Propagation"] = value.lower()
    elif key == "bind-nonrecursive":
        mount.section("bind")["NonRecursive"] = _switch(key, value)
    elif key == "bind-recursive":
        if value not in _RECURSIVE:
            raise ValueError(
                f'invalid value for {key}: {value} (must be "enabled", "disabled", "writable", or "readonly")'
            )
        mount.section("bind").update(_RECURSIVE[value])
    else:
        raise ValueError(f"unexpected key '{key}' in '{field}'")


def _set_volume(mount: _Mount, key: str, value: str, field: str) -> None:
    name, _, setting = value.partition("=")
    if key == "volume-nocopy":
        mount.section("volume")["NoCopy"] = _switch(key, value)
    elif key == "volume-subpath":
        mount.section("volume")["Subpath"] = value
    elif key == "volume-label":
        _table(mount.section("volume"), "Labels")[name] = setting
    elif key == "volume-driver":
        _table(mount.section("volume"), "DriverConfig")["Name"] = value
    elif key == "volume-opt":
        options = _table(_table(mount.section("volume"), "DriverConfig"), "Options")
        if name:
            options[name] = setting
    else:
        raise ValueError(f"unexpected key '{key}' in '{field}'")


def _table(holder: dict[str, object], key: str) -> dict[str, object]:
    table = holder.setdefault(key, {})
    assert isinstance(table, dict)
    return table


def _switch(key: str, value: str) -> bool:
    try:
        return read_bool(value)
    except ValueError:
        raise ValueError(f"invalid value for {key}: {value}") from None


def _check_recursion(mount: _Mount) -> None:
    bind = mount.sections.get("bind", {})
    if bind.get("ReadOnlyNonRecursive") and not mount.readonly:
        raise ValueError(
            "option 'bind-recursive=writable' requires 'readonly' to be specified in conjunction"
        )
    if bind.get("ReadOnlyForceRecursive"):
        if not mount.readonly:
            raise ValueError(
                "option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction"
            )
        if bind.get("Propagation") != "rprivate":
            raise ValueError(
                "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified in "
                "conjunction"
            )


def _wire(mount: _Mount) -> dict[str, object]:
    wire: dict[str, object] = {"Type": mount.type}
    if mount.source:
        wire["Source"] = mount.source
    wire["Target"] = mount.target
    if mount.readonly:
        wire["ReadOnly"] = True
    if mount.consistency:
        wire["Consistency"] = mount.consistency
    for name, options in mount.sections.items():
        wire[_SECTIONS[name]] = {key: value for key, value in options.items() if value not in (False, "")}
    if "volume" in mount.sections:
        volume = {"DriverConfig": {}, **mount.sections["volume"]}
        wire["VolumeOptions"] = {key: value for key, value in volume.items() if value not in (False, "")}
    return wire


def bind_or_volume(text: str) -> tuple[str, bool]:
    """Return the value of `-v` as the engine wants it, and whether it is a bind (else an anonymous volume).

    A source that begins with a dot is a path from here.

    Raises:
        CliError: in Docker's words.
    """
    if not text:
        raise CliError("invalid empty volume spec")
    sections = [text] if len(text) <= 2 else _sections(text)
    if not all(sections):
        raise CliError(f"invalid spec: {text}: empty section between colons")
    if len(sections) > 3:
        raise CliError(f"invalid spec: {text}: too many colons")
    source, *rest = sections
    if not rest:
        return text, False
    return (":".join([os.path.abspath(source), *rest]) if source.startswith(".") else text), True


def _sections(text: str) -> list[str]:
    """Return the parts of `text` between its colons; one letter before a colon is a Windows drive."""
    sections: list[str] = [""]
    for character in text:
        drive = len(sections[-1]) == 1 and sections[-1].isalpha()
        if character == ":" and not drive:
            sections.append("")
        else:
            sections[-1] += character
    return sections
