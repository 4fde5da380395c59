"""The one class all shapes of the Engine API descend from: Go's names and Go's zero values.

A field is written `snake_case: type = zero value`. Its name on the wire is Go's (`IPAddress`), made by
`go_name` or given with `wire`. It is always written, as `encoding/json` writes a field without a tag;
`omit` makes it Go's `omitempty`: left out when it holds its zero value or an empty list or dict. A list or
dict that Go shows as `null` is `T | None = None`; one with `omit([])`, `omit({})` or `zero(list)` is never
None.

Structs are values: frozen, compared by content; a changed one is made by `msgspec.structs.replace`.
Unknown members of a document are dropped, missing ones have their zero value.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar, cast, dataclass_transform

import msgspec

T = TypeVar("T")

_WORDS: Final = {
    "ip": "IP",
    "ips": "IPs",
    "ipv4": "IPv4",
    "ipv6": "IPv6",
    "ipam": "IPAM",
    "id": "ID",
    "ids": "IDs",
    "uts": "UTS",
    "dns": "DNS",
    "rw": "RW",
    "io": "IO",
    "iops": "IOps",
}


def go_name(name: str) -> str:
    """Return Go's name of the field `name`: `ip_address` is `IPAddress`, a lone `id` is `Id`."""
    if name == "id":
        return "Id"
    return "".join(_WORDS.get(word) or word[:1].upper() + word[1:] for word in name.split("_"))


class _Field:
    """What `omit` and `wire` leave in a class body for `StructMeta`."""

    __slots__ = ("default", "name", "omit")

    def __init__(self, default: object, name: str | None, *, omit: bool) -> None:
        self.default = default
        self.name = name
        self.omit = omit


def omit(default: T, *, name: str | None = None) -> T:
    """Declare a field that is left out while it is `default` or empty; `name` is its name on the wire."""
    return cast("T", _Field(default, name, omit=True))


def wire(default: T, *, name: str) -> T:
    """Declare a field that is always written, under a name that `go_name` would not make."""
    return cast("T", _Field(default, name, omit=False))


def zero(kind: Callable[[], T], *, name: str | None = None) -> T:
    """Declare a field that is always written and holds a fresh `kind()` when missing: a struct or a list."""
    # msgspec leaves out empty containers whose factory is the very type, so it is given another callable.
    return msgspec.field(default_factory=lambda: kind(), name=name)  # noqa: PLW0108 - see above


def _always(default: object) -> Callable[[], object]:
    """Return a factory for `default`: msgspec leaves out only plain defaults and empty containers."""
    if default is None:
        return type(None)
    if default == "" or default is False or (default == 0 and type(default) is int):
        return type(default)
    return lambda: default


class StructMeta(msgspec.StructMeta):
    """Turns the zero values of a class body into what makes msgspec write them or leave them out."""

    def __new__(
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **config: Any
    ) -> "StructMeta":
        """Make the class; `config` is msgspec's."""
        for key, value in namespace.items():
            if isinstance(value, _Field) and value.omit:
                namespace[key] = msgspec.field(default=value.default, name=value.name)
            elif isinstance(value, _Field):
                namespace[key] = msgspec.field(default_factory=_always(value.default), name=value.name)
            elif not key.startswith("_") and isinstance(value, str | int | tuple | None):
                namespace[key] = msgspec.field(default_factory=_always(value))
        # msgspec hands omit_defaults and frozen down to subclasses, kw_only not.
        return super().__new__(mcs, name, bases, namespace, kw_only=True, **config)


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Struct(msgspec.Struct, metaclass=StructMeta, frozen=True, omit_defaults=True, rename=go_name):
    """A shape of the Engine API; see the module."""


def _plain(value: object) -> object:
    """Return what stands on the wire for a value of a type of ours: digests and the like are texts."""
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"{type(value).__name__} does not go on the wire")


_encoder: Final = msgspec.json.Encoder(order="deterministic", enc_hook=_plain)


def encode(value: object) -> bytes:
    """Return `value` as Go's encoder without HTML escapes writes it: compact, the keys of maps in order."""
    return _encoder.encode(value)


def members(kind: type[msgspec.Struct]) -> Mapping[str, str]:
    """Return {name on the wire: name of the attribute} of a struct class."""
    return dict(zip(kind.__struct_encode_fields__, kind.__struct_fields__, strict=True))
