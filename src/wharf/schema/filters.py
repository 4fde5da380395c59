"""`filters` of list, prune and events: what was asked, and the ways Docker compares with it.

A filter is a name with any number of values; several values of one name are alternatives, several names must
all hold. Which names an endpoint knows is the API's business, what a value means the engine's.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec

from wharf.errors import InvalidParameter

_TRUE: Final = frozenset({"1", "true"})
_FALSE: Final = frozenset({"0", "false"})


class Filters:
    """The filters of one request: immutable, in the order of their keys."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Iterable[str]] = {}) -> None:
        self._values: Final = {key: tuple(each) for key, each in values.items()}

    @classmethod
    def parse(cls, text: str) -> "Filters":
        """Return the filters of a query parameter, in its present or its old form.

        Those are `{"label": {"a": true}}` and `{"label": ["a"]}`. Raises InvalidParameter `invalid filter`.
        """
        if not text:
            return cls()
        try:
            return cls(msgspec.json.decode(text, type=dict[str, dict[str, bool]] | None) or {})
        except msgspec.DecodeError:
            pass
        try:
            return cls(msgspec.json.decode(text, type=dict[str, list[str]] | None) or {})
        except msgspec.DecodeError:
            raise InvalidParameter("invalid filter") from None

    def __bool__(self) -> bool:
        return bool(self._values)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Filters) and self._values == other._values

    def __hash__(self) -> int:
        return hash(tuple(self._values.items()))

    def __repr__(self) -> str:
        return f"Filters({self._values!r})"

    def get(self, key: str) -> tuple[str, ...]:
        """Return the values of `key`, none when it was not asked for."""
        return self._values.get(key, ())

    def adding(self, key: str, value: str) -> "Filters":
        """Return these filters with one value more."""
        return Filters({**self._values, key: (*self.get(key), value)})

    def check(self, accepted: Collection[str]) -> "Filters":
        """Return these filters; raises InvalidParameter `invalid filter 'x'` for a name not in `accepted`."""
        for key in self._values:
            if key not in accepted:
                raise InvalidParameter(f"invalid filter '{key}'")
        return self

    def boolean(self, key: str, default: bool) -> bool:  # noqa: FBT001 - reads as the question it is
        """Return the truth of `key` (`true`, `1`, `false`, `0`), `default` when it was not asked for."""
        if key not in self._values:
            return default
        values = set(self._values[key])
        is_true, is_false = bool(values & _TRUE), bool(values & _FALSE)
        if is_true == is_false or values - _TRUE - _FALSE:
            raise InvalidParameter(f"invalid filter '{key}=[{' '.join(self._values[key])}]'")
        return is_true

    def exact(self, key: str, *sources: str) -> bool:
        """Tell whether `key` was not asked for, or one of `sources` equals one of its values."""
        values = self._values.get(key)
        return not values or any(source in values for source in sources)

    def prefix(self, key: str, source: str) -> bool:
        """Tell whether `key` was not asked for, or `source` begins with one of its values."""
        values = self._values.get(key)
        return not values or any(source.startswith(value) for value in values)

    def matches(self, key: str, source: str) -> bool:
        """Tell whether `key` was not asked for, or one of its values is `source` or a pattern found in it.

        A value that is no regular expression matches itself only.
        """
        values = self._values.get(key)
        if not values or source in values:
            return True
        return any(_found(value, source) for value in values)

    def labels(self, key: str, labels: Mapping[str, str] | None) -> bool:
        """Tell whether `labels` has all of `key`'s values, each a name or `name=value`."""
        return all(_labelled(value, labels or {}) for value in self._values.get(key, ()))


def _found(pattern: str, source: str) -> bool:
    try:
        return re.search(pattern, source) is not None
    except re.error:
        return False


def _labelled(wanted: str, labels: Mapping[str, str]) -> bool:
    name, equals, value = wanted.partition("=")
    return name in labels and (not equals or labels[name] == value)
