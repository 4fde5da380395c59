"""JSON from outside into structs, as tolerant as Go's decoder, with its words.

What Docker's own clients send is decoded as it is. Only where that fails, or a name is not known, the
document is first put into shape: names are compared without regard to case, null stands for the zero value,
one word stands for a list of one where Go's `StrSlice` is meant, an array is cut or filled to its length.
"""

import functools
import re
import types
import typing
from typing import Any, Final, TypeVar

import msgspec

from wharf.errors import InvalidParameter
from wharf.schema.struct import members

T = TypeVar("T")

_STR_SLICES: Final = frozenset({"Cmd", "Entrypoint", "Shell", "CapAdd", "CapDrop"})
"""Members whose type in Go is `StrSlice`: a list of words, or one word."""

_LONG_NUMBER: Final = re.compile(rb"\d{19}|[eE]\d{2}")
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1
_ABSENT: Final = object()


def decode(body: bytes, kind: type[T], *, go_type: str = "") -> T:
    """Return `body` as a `kind`; `go_type` is its name in messages about the document as a whole.

    Raises InvalidParameter `invalid JSON: …` or `unexpected content after JSON`.
    """
    try:
        raw = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise _malformed(body, error) from None
    except RecursionError:
        raise InvalidParameter("invalid JSON: json: exceeded max depth") from None
    try:
        if _LONG_NUMBER.search(body):
            _check_numbers(raw, "")
        if raw is None:
            return kind()
        if not isinstance(raw, dict):
            name = go_type or kind.__name__
            raise InvalidParameter(
                f"invalid JSON: json: cannot unmarshal {_go_kind(raw)} into Go value of type {name}"
            )
        if _is_exact(raw, kind):
            try:
                return msgspec.json.decode(body, type=kind)  # several times as fast as converting `raw`
            except msgspec.ValidationError:
                pass
        return msgspec.convert(_shaped(raw, kind, ""), kind)
    except msgspec.ValidationError as error:
        raise _mismatch(error) from None
    except RecursionError:
        raise InvalidParameter("invalid JSON: json: exceeded max depth") from None


@functools.cache
def _fields(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return {name on the wire: type} of a struct."""
    hints = typing.get_type_hints(kind)
    return {name: hints[attribute] for name, attribute in members(kind).items()}


@functools.cache
def _folded(kind: type[msgspec.Struct]) -> dict[str, str]:
    return {name.lower(): name for name in _fields(kind)}


@functools.cache
def _nested(kind: type[msgspec.Struct]) -> tuple[frozenset[str], dict[str, type[msgspec.Struct]]]:
    """Return the names of a struct's members, and those of them that are structs."""
    fields = _fields(kind)
    structs = {name: inner for name, hint in fields.items() if (inner := _struct_in(hint)) is not None}
    return frozenset(fields), structs


def _struct_in(hint: Any) -> type[msgspec.Struct] | None:
    hint = _without_none(hint)
    return hint if isinstance(hint, type) and issubclass(hint, msgspec.Struct) else None


def _without_none(hint: Any) -> Any:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return next(each for each in typing.get_args(hint) if each is not type(None))
    return hint


def _is_exact(raw: dict[str, Any], kind: Any) -> bool:
    """Return whether every name in `raw`, and in the structs in it, is one of the struct's own."""
    names, structs = _nested(kind)
    if not raw.keys() <= names:
        return False
    return all(
        _is_exact(raw[name], inner) for name, inner in structs.items() if isinstance(raw.get(name), dict)
    )


def _shaped(value: Any, hint: Any, name: str) -> Any:
    """Return `value` in the shape of `hint`; `_ABSENT` where null stands for the zero value."""
    inner = _without_none(hint)
    if value is None:
        return None if inner is not hint else _ABSENT
    origin, arguments = typing.get_origin(inner), typing.get_args(inner)
    if isinstance(value, dict):
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            return _shaped_struct(value, inner)
        if origin is dict:
            return {
                key: _or_zero(_shaped(each, arguments[1], ""), arguments[1]) for key, each in value.items()
            }
    if isinstance(value, str) and name in _STR_SLICES:
        return [value]
    if isinstance(value, list):
        if origin is list:
            return [_or_zero(_shaped(each, arguments[0], ""), arguments[0]) for each in value]
        if origin is tuple:
            filled = [*value, *[0] * len(arguments)][: len(arguments)]
            return [
                _or_zero(_shaped(each, kind, ""), kind) for each, kind in zip(filled, arguments, strict=True)
            ]
    return value


def _shaped_struct(value: dict[str, Any], kind: type[msgspec.Struct]) -> dict[str, Any]:
    fields, folded = _fields(kind), _folded(kind)
    shaped: dict[str, Any] = {}
    for key, each in value.items():
        name = key if key in fields else folded.get(key.lower())
        if name is not None and (result := _shaped(each, fields[name], name)) is not _ABSENT:
            shaped[name] = result
    return shaped


def _or_zero(value: Any, hint: Any) -> Any:
    if value is not _ABSENT:
        return value
    return {} if _struct_in(hint) is not None else (typing.get_origin(hint) or hint)()


def _check_numbers(value: Any, path: str) -> None:
    """Refuse numbers that no 64-bit integer holds."""
    if isinstance(value, dict):
        for key, each in value.items():
            _check_numbers(each, f"{path}.{key}")
    elif isinstance(value, list):
        for each in value:
            _check_numbers(each, path)
    elif isinstance(value, int | float) and not _SMALLEST <= value <= _LARGEST:
        raise InvalidParameter(
            f"invalid JSON: json: cannot unmarshal number {value} into Go struct field {path} of type int64"
        )


def _go_kind(value: object) -> str:
    match value:
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


_GO_KINDS: Final = {
    "int": "number",
    "float": "number",
    "str": "string",
    "bool": "bool",
    "array": "array",
    "object": "object",
    "null": "null",
}
_GO_TYPES: Final = {
    "int": "int64",
    "float": "float64",
    "str": "string",
    "bool": "bool",
    "array": "[]string",
    "object": "map[string]string",
}
_EXPECTED: Final = re.compile(r"Expected `(\w+)[^`]*`, got `(\w+)`(?: - at `\$([^`]*)`)?")


def _mismatch(error: msgspec.ValidationError) -> InvalidParameter:
    found = _EXPECTED.match(str(error))
    if found is None:
        return InvalidParameter(f"invalid JSON: {error}")
    expected, got, path = found.groups()
    field = re.sub(r"\[[^\]]*\]", "", path or "")
    return InvalidParameter(
        f"invalid JSON: json: cannot unmarshal {_GO_KINDS.get(got, got)} into Go struct field {field} "
        f"of type {_GO_TYPES.get(expected, expected)}"
    )


_AT: Final = re.compile(r"\(byte (\d+)\)")


def _malformed(body: bytes, error: msgspec.DecodeError) -> InvalidParameter:
    text = str(error)
    if "truncated" in text:
        if not body.strip():
            return InvalidParameter("invalid JSON: got EOF while reading request body")
        return InvalidParameter("invalid JSON: unexpected EOF")
    if "trailing characters" in text:
        return InvalidParameter("unexpected content after JSON")
    at = _AT.search(text)
    if at is None or "invalid character" not in text:
        return InvalidParameter(f"invalid JSON: {text}")
    offset = int(at[1])
    if offset >= len(body):
        return InvalidParameter("invalid JSON: unexpected EOF")
    place = "beginning of value" if not body[:offset].strip() else "next token"
    character = body[offset : offset + 1].decode("latin-1")
    return InvalidParameter(f"invalid JSON: invalid character {character!r} looking for {place}")
