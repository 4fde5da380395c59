"""The kinds of value that flags take, with the words Docker says where a text is none of the kind."""

from __future__ import annotations

from collections.abc import Callable

from wharf.cli.flags import Kind

_TRUE = ("1", "t", "T", "true", "TRUE", "True")
_FALSE = ("0", "f", "F", "false", "FALSE", "False")


def read_bool(text: str) -> bool:
    """Return what Go takes `text` for."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(f'strconv.ParseBool: parsing "{text}": invalid syntax')


def read_int(text: str, low: int, high: int, *, call: str = "ParseInt", base: int = 0) -> int:
    """Return a number between `low` and `high`, in the notation of Go's `strconv` with that base."""
    try:
        if text != text.strip() or not text.isascii():
            raise ValueError(text)
        unsigned = text.lstrip("+-")
        if base == 0 and len(unsigned) > 1 and unsigned[0] == "0" and unsigned[1].isdigit():
            number = int(text, 8)
        else:
            number = int(text, base)
    except ValueError:
        raise ValueError(f'strconv.{call}: parsing "{text}": invalid syntax') from None
    if not low <= number <= high:
        reason = "invalid syntax" if call == "ParseUint" and number < 0 else "value out of range"
        raise ValueError(f'strconv.{call}: parsing "{text}": {reason}')
    return number


def _integer(bits: int) -> Callable[[str], int]:
    return lambda text: read_int(text, -(1 << bits - 1), (1 << bits - 1) - 1)


def _natural(bits: int) -> Callable[[str], int]:
    return lambda text: read_int(text, 0, (1 << bits) - 1, call="ParseUint")


def read_filter(text: str) -> tuple[str, str] | tuple[()]:
    """Return name and value of a filter; an empty text is none."""
    if not text:
        return ()
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError("bad format of filter (expected name=value)")
    return name.strip().lower(), value.strip()


def _memory(text: str) -> int:
    from wharf.cli.output.units import ram_in_bytes

    return ram_in_bytes(text)


def _memory_or_unlimited(text: str) -> int:
    return -1 if text == "-1" else _memory(text)


def _duration(text: str) -> int:
    from wharf.cli.output.duration import parse_duration

    return parse_duration(text)


SWITCH = Kind("", read_bool)
STRING = Kind("string", str)
LIST = Kind("list", str, many=True)
STRINGS = Kind("strings", str, many=True)
"""Like LIST; the help calls it otherwise. Commas separate values: see `comma_separated`."""
STRING_ARRAY = Kind("stringArray", str, many=True)
INT = Kind("int", _integer(64))
UINT16 = Kind("uint16", _natural(16))
UINT64 = Kind("uint", _natural(64))
FILTER = Kind("filter", read_filter, many=True)
BYTES = Kind("bytes", _memory)
BYTES_OR_UNLIMITED = Kind("bytes", _memory_or_unlimited)
DURATION = Kind("duration", _duration)
"""Nanoseconds."""


def listed(parse: Callable[[str], object], word: str = "list", *, shown_empty: str = "") -> Kind:
    """Return the kind of a repeated flag whose values are read by `parse`."""
    return Kind(word, parse, many=True, shown_empty=shown_empty)
