"""`until` and labels, as every prune takes them."""

import time

import pytest

from wharf.engine import prune_filters
from wharf.errors import InvalidParameter
from wharf.schema.filters import Filters

_SECOND = 1_000_000_000


def test_without_until_there_is_no_bound() -> None:
    assert prune_filters.until(Filters()) is None


def test_until_counts_back_from_now() -> None:
    moment = prune_filters.until(Filters({"until": ["1h"]}))
    assert moment is not None
    assert abs(time.time_ns() - 3600 * _SECOND - moment) < 60 * _SECOND


def test_until_is_a_time() -> None:
    assert prune_filters.until(Filters({"until": ["2024-01-01T00:00:00Z"]})) == 1704067200 * _SECOND
    assert prune_filters.until(Filters({"until": ["1700000000.5"]})) == 17000000005 * _SECOND // 10


def test_until_is_one_time() -> None:
    with pytest.raises(InvalidParameter, match="more than one until filter specified"):
        prune_filters.until(Filters({"until": ["1h", "2h"]}))


def test_until_is_a_time_or_a_duration() -> None:
    with pytest.raises(InvalidParameter, match='failed to parse value as time or duration: "soon"'):
        prune_filters.until(Filters({"until": ["soon"]}))


@pytest.mark.parametrize(
    ("filters", "is_chosen"),
    [
        ({}, True),
        ({"label": ["a"]}, True),
        ({"label": ["a=1", "b"]}, True),
        ({"label": ["c"]}, False),
        ({"label!": ["c"]}, True),
        ({"label!": ["a=1"]}, False),
        ({"label!": ["a=2"]}, True),
        ({"label": ["a"], "label!": ["b"]}, False),
    ],
)
def test_labels_choose(filters: dict[str, list[str]], is_chosen: bool) -> None:  # noqa: FBT001 - a table
    assert prune_filters.chooses_labels(Filters(filters), {"a": "1", "b": "2"}) is is_chosen
