"""Moments as filters name them."""

import time

import pytest

from wharf.errors import InvalidParameter
from wharf.schema.moment import moment

_SECOND = 1_000_000_000


def test_a_duration_is_that_long_ago() -> None:
    assert abs(time.time_ns() - 5400 * _SECOND - moment("1h30m")) < 60 * _SECOND


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1795000000", 1795000000),
        ("1795000000.5", 1795000000.5),
        ("1970-01-02", 86400),
        ("1970-01-02T01:00", 90000),
        ("1970-01-02T01:00:01", 90001),
        ("1970-01-02T01:00:01+01:00", 86401),
        ("1970-01-02T01:00:01.5Z", 90001.5),
    ],
)
def test_a_time(text: str, seconds: float) -> None:
    assert moment(text) == seconds * _SECOND


@pytest.mark.parametrize("text", ["", "a", "1h30", "2020-13-01"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(InvalidParameter, match="failed to parse value as time or duration"):
        moment(text)
