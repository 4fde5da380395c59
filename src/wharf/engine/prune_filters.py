"""The filters of every `prune`: `until`, `label` and `label!`."""

import time

from wharf.errors import InvalidParameter
from wharf.schema.filters import Filters
from wharf.schema.timestamp import from_words

KEYS = frozenset({"label", "label!", "until"})


def until(filters: Filters) -> int | None:
    """Return the moment (nanoseconds since 1970) that `until` names, None where it was not asked for.

    A duration counts back from now. Raises InvalidParameter.
    """
    values = filters.get("until")
    if not values:
        return None
    if len(values) > 1:
        raise InvalidParameter("more than one until filter specified")
    try:
        return from_words(values[0], time.time_ns())
    except ValueError as error:
        raise InvalidParameter(str(error)) from None


def chooses_labels(filters: Filters, labels: dict[str, str] | None) -> bool:
    """Tell whether the labels of a thing are those asked for: all of `label`, and none of `label!`."""
    if not filters.labels("label", labels):
        return False
    return "label!" not in filters or not filters.labels("label!", labels)
