"""The functions of a template: Go's own, and those that Docker adds (`json`, `join` and the like)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wharf.template.errors import FillError
from wharf.template.values import encode, equal, less, plain, printf

Function = Callable[..., object]


def _index(container: object, *keys: object) -> object:
    for key in keys:
        container = _at(container, key)
    return container


def _at(container: object, key: object) -> object:
    if container is None:
        if isinstance(key, str):
            return ""
        raise FillError("index of untyped nil")
    if isinstance(container, Mapping):
        if key in container:
            return container[key]
        # A map of strings gives its zero value for a missing key; only its content tells what it is a map of.
        return "" if all(isinstance(value, str) for value in container.values()) else None
    if isinstance(container, list | str):
        if not isinstance(key, int) or isinstance(key, bool):
            raise FillError("cannot index slice/array with type string")
        if not 0 <= key < len(container):
            raise FillError(f"index out of range: {key}")
        item = container[key]
        return ord(item) if isinstance(container, str) else item
    raise FillError("can't index item of this type")


def _slice(container: object, *bounds: object) -> object:
    if not isinstance(container, list | str):
        raise FillError("can't slice item of this type")
    numbers = [bound for bound in bounds if isinstance(bound, int)]
    low = numbers[0] if numbers else 0
    high = numbers[1] if len(numbers) > 1 else len(container)
    if not 0 <= low <= high <= len(container):
        raise FillError(f"index out of range: {high}")
    return container[low:high]


def _length(value: object) -> int:
    if value is None:
        return 0
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogateescape"))
    if isinstance(value, Mapping | list):
        return len(value)
    raise FillError(f"len of type {type(value).__name__}")


def _join(items: object, separator: str) -> str:
    if items is None:
        return ""
    if not isinstance(items, list):
        raise FillError("wrong type for value; expected []string")
    return separator.join(plain(item) for item in items)


def _split(text: str, separator: str) -> list[str]:
    return text.split(separator) if separator else list(text)


def _title(text: str) -> str:
    return " ".join(word[:1].upper() + word[1:] for word in text.split(" "))


def _pad(text: str, before: int, after: int) -> str:
    return " " * before + text + " " * after if text else text


def _truncate(text: str, length: int) -> str:
    return text[:length]


def _print(*values: object) -> str:
    out: list[str] = []
    for index, value in enumerate(values):
        if index and not isinstance(value, str) and not isinstance(values[index - 1], str):
            out.append(" ")
        out.append(plain(value))
    return "".join(out)


def _equal_any(first: object, *others: object) -> bool:
    if not others:
        raise FillError("missing argument for comparison")
    return any(equal(first, other) for other in others)


def _not(value: object) -> bool:
    return not value


def _html(*values: object) -> str:
    text = _print(*values)
    for character, escaped in (("&", "&amp;"), ("'", "&#39;"), ('"', "&#34;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(character, escaped)
    return text


FUNCTIONS: dict[str, Function] = {
    "json": encode,
    "split": _split,
    "join": _join,
    "title": _title,
    "lower": lambda text: str(text).lower(),
    "upper": lambda text: str(text).upper(),
    "pad": _pad,
    "truncate": _truncate,
    "print": _print,
    "printf": lambda pattern, *values: printf(pattern, values),
    "println": lambda *values: " ".join(plain(value) for value in values) + "\n",
    "html": _html,
    "index": _index,
    "slice": _slice,
    "len": _length,
    "not": _not,
    "eq": _equal_any,
    "ne": lambda left, right: not equal(left, right),
    "lt": less,
    "le": lambda left, right: less(left, right) or equal(left, right),
    "gt": lambda left, right: less(right, left),
    "ge": lambda left, right: not less(left, right),
    # These two stop at the first value that decides; the evaluator calls them with what it has evaluated.
    "and": lambda *values: next((value for value in values if not value), values[-1]),
    "or": lambda *values: next((value for value in values if value), values[-1]),
}
