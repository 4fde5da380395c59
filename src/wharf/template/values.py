"""Values as Go prints, compares and encodes them: `%v`, the other verbs of printf, and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from wharf.template.errors import FillError


class Fields:
    """What has fields that are worked out when asked for, as the rows of lists have."""

    type_name = "Fields"

    def field(self, name: str, *arguments: object) -> object:  # noqa: ARG002 - for those that take some
        """Return the value of a field.

        Raises:
            KeyError: there is none of that name.
        """
        raise KeyError(name)

    def as_json(self) -> dict[str, object]:
        """Return all fields."""
        return {}


class NilList(list[object]):
    """Go's nil slice: shown as an empty one, and null in JSON."""


class NilMap(dict[str, object]):
    """Go's nil map: shown as an empty one, and null in JSON."""


def _bare(value: object) -> object:
    """Return `value` with null where something is nil."""
    if isinstance(value, NilList | NilMap):
        return None
    if isinstance(value, dict):
        return {key: _bare(each) for key, each in value.items()}
    return [_bare(each) for each in value] if isinstance(value, list) else value


def show(value: object) -> str:
    """Return `value` as `%v` prints it in a template."""
    return "<no value>" if value is None else plain(value)


def plain(value: object) -> str:
    """Return `value` as `%v` prints it."""
    if isinstance(value, str):
        return value
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, Mapping):
        pairs = " ".join(f"{key}:{plain(value[key])}" for key in sorted(value))
        return f"map[{pairs}]"
    if isinstance(value, Sequence):
        return "[" + " ".join(plain(item) for item in value) + "]"
    return str(value)


def _number(value: float) -> str:
    """Go's %v of a float: the shortest form, with an exponent below 1e-4 and from 1e21 on."""
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    text = repr(value)
    mantissa, exponent, power = text.partition("e")
    return f"{mantissa}e{power[0]}{power[1:].rjust(2, '0')}" if exponent else text


def encode(value: object) -> str:
    """Return `value` in JSON as Docker's `json` function does: compact; only rows are escaped for HTML."""
    if isinstance(value, Fields):
        text = json.dumps(value.as_json(), separators=(",", ":"), ensure_ascii=False)
        return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return json.dumps(_bare(value), separators=(",", ":"), ensure_ascii=False)


def quoted(text: str) -> str:
    """Return `text` as Go's `%q` does, for what needs no more than JSON's escapes."""
    return json.dumps(text, ensure_ascii=False)


def printf(pattern: str, values: Sequence[object]) -> str:
    """Return `pattern` with its verbs filled in: %v %s %d %q %x %t %f %g %e %c %o %b %%, flags and widths."""
    out: list[str] = []
    rest = list(values)
    at = 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character != "%":
            out.append(character)
            continue
        start = at
        while at < len(pattern) and pattern[at] in "+-# 0123456789.":
            at += 1
        if at >= len(pattern):
            out.append("%!(NOVERB)")
            break
        flags, verb = pattern[start:at], pattern[at]
        at += 1
        if verb == "%":
            out.append("%")
        elif not rest:
            out.append(f"%!{verb}(MISSING)")
        else:
            out.append(_verb(flags, verb, rest.pop(0)))
    if rest:
        out.append("%!(EXTRA " + ", ".join(f"{_type(value)}={plain(value)}" for value in rest) + ")")
    return "".join(out)


def _verb(flags: str, verb: str, value: object) -> str:
    sign = "".join(flag for flag in flags if flag in "+ ")
    left = "-" in flags
    sizes = flags.lstrip("+-# 0") or ""
    zero = "0" in flags[: len(flags) - len(sizes)] and not left
    width, _, precision = sizes.partition(".")
    text = _converted(verb, value, sign, precision)
    if text is None:
        return f"%!{verb}({_type(value)}={plain(value)})"
    if verb in "sv" and precision:
        text = text[: int(precision)]
    size = int(width or 0)
    if left:
        return text.ljust(size)
    return text.zfill(size) if zero else text.rjust(size)


def _converted(verb: str, value: object, sign: str, precision: str) -> str | None:
    if verb == "v":
        return plain(value)
    if verb == "t":
        return plain(value) if isinstance(value, bool) else None
    if verb in "sq":
        if not isinstance(value, str):
            items = isinstance(value, Sequence) and all(isinstance(item, str) for item in value)
            if not items:
                return None
            assert isinstance(value, Sequence)
            return "[" + " ".join(str(_converted(verb, item, sign, precision)) for item in value) + "]"
        return value if verb == "s" else quoted(value)
    if verb in "xX" and isinstance(value, str):
        text = value.encode("utf-8", "surrogateescape").hex()
        return text.upper() if verb == "X" else text
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if verb in "doxXbc":
        if isinstance(value, float):
            return None
        return chr(value) if verb == "c" else format(value, sign.strip() + verb)
    if verb in "feEgGF":
        digits = precision if precision or verb in "gG" else "6"
        if isinstance(value, int):
            return None
        return format(value, f"{sign.strip()}.{digits}{verb}" if digits else verb)
    return None


def _type(value: object) -> str:
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    if isinstance(value, float):
        return "float64"
    if isinstance(value, str):
        return "string"
    return "map[string]interface {}" if isinstance(value, Mapping) else "[]interface {}"


def equal(left: object, right: object) -> bool:
    """Return whether two basic values are equal; Go refuses to compare others.

    Raises:
        FillError: they are of kinds that cannot be compared.
    """
    if left is None or right is None:
        return left is right
    if isinstance(left, Mapping | list) or isinstance(right, Mapping | list):
        raise FillError("non-comparable type in comparison")
    if isinstance(left, bool) != isinstance(right, bool) or isinstance(left, str) != isinstance(right, str):
        raise FillError("incompatible types for comparison")
    return left == right


def less(left: object, right: object) -> bool:
    """Return whether `left` comes before `right`.

    Raises:
        FillError: they have no order.
    """
    if isinstance(left, str) and isinstance(right, str):
        return left < right
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    if not numbers or isinstance(left, bool) or isinstance(right, bool):
        raise FillError("incompatible types for comparison")
    assert isinstance(left, int | float)
    assert isinstance(right, int | float)
    return left < right
