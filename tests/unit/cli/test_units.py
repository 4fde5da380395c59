"""Sizes, durations and times are written and read as Docker's libraries do."""

import os
import time
from collections.abc import Iterator

import pytest

from wharf.cli.output.duration import (
    go_time,
    parse_duration,
    parse_rfc3339,
    rfc3339,
    rfc3339_nano,
    timestamp,
)
from wharf.cli.output.units import bytes_size, human_size, ram_in_bytes
from wharf.duration import human_duration


@pytest.fixture
def utc() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0B"), (999, "999B"), (1000, "1kB"), (1984283, "1.98MB"), (999_999, "1e+03kB"), (10**12, "1TB")],
)
def test_sizes_in_lists_have_three_digits_in_powers_of_a_thousand(size: int, text: str) -> None:
    assert human_size(size, 3) == text


@pytest.mark.parametrize(("size", "text"), [(1984283, "1.984MB"), (123_456_789, "123.5MB")])
def test_other_sizes_have_four_digits(size: int, text: str) -> None:
    assert human_size(size) == text


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0B"), (1023, "1023B"), (1024, "1KiB"), (25_275_891_712, "23.54GiB")]
)
def test_memory_is_shown_in_powers_of_1024(size: int, text: str) -> None:
    assert bytes_size(size) == text


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0), ("32", 32), ("32b", 32), ("32k", 32768), ("32kb", 32768), ("32KiB", 32768),
        ("1.5g", 1610612736),
        ("32 MB", 33554432), ("1t", 1 << 40), ("1p", 1 << 50), (".5k", 512),
    ],
)  # fmt: skip
def test_memory_is_read_in_powers_of_1024(text: str, size: int) -> None:
    assert ram_in_bytes(text) == size


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "invalid size: ''"),
        ("x", "invalid size: 'x'"),
        ("4q", "invalid suffix: 'q'"),
        ("4kbb", "invalid suffix: 'kbb'"),
        ("4bb", "invalid suffix: 'bb'"),
        ("-1", "invalid size: '-1'"),
        ("1 2", 'strconv.ParseFloat: parsing "1 2": invalid syntax'),
        (" 1", 'strconv.ParseFloat: parsing " 1": invalid syntax'),
    ],
)
def test_what_is_no_size_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=":") as caught:
        ram_in_bytes(text)
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.9, "Less than a second"), (1, "1 second"), (59, "59 seconds"), (60, "About a minute"),
        (119, "About a minute"), (120, "2 minutes"), (3599, "59 minutes"), (3600, "About an hour"),
        (5399, "About an hour"), (5400, "2 hours"), (47 * 3600, "47 hours"), (48 * 3600, "2 days"),
        (13 * 86400, "13 days"), (14 * 86400, "2 weeks"), (59 * 86400, "8 weeks"), (60 * 86400, "2 months"),
        (729 * 86400, "24 months"), (730 * 86400, "2 years"),
    ],
)  # fmt: skip
def test_durations_are_told_roughly(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [("0", 0), ("1h30m", 5_400 * 10**9), ("1.5s", 1_500_000_000), ("-10ms", -10_000_000), ("2us", 2000)],
)  # fmt: skip
def test_durations_are_read_as_in_go(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 'time: invalid duration ""'),
        ("x", 'time: invalid duration "x"'),
        ("5", 'time: missing unit in duration "5"'),
        ("5q", 'time: unknown unit "q" in duration "5q"'),
        ("1.2.3s", 'time: invalid duration "1.2.3s"'),
    ],
)
def test_what_is_no_duration_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=":") as caught:
        parse_duration(text)
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("42m", "997480.000000000"),
        ("1700000000", "1700000000"),
        ("1700000000.5", "1700000000.5"),
        ("2013-01-02T13:23:37Z", "1357133017.000000000"),
        ("2013-01-02T13:23:37.25Z", "1357133017.250000000"),
        ("2013-01-02T13:23:37+01:00", "1357129417.000000000"),
        ("2013-01-02T13:23:37", "1357133017.000000000"),
        ("2013-01-02", "1357084800.000000000"),
    ],
)
@pytest.mark.usefixtures("utc")
def test_points_in_time_are_given_to_the_engine_in_seconds(text: str, expected: str) -> None:
    assert timestamp(text, 1_000_000.0) == expected


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match='failed to parse value as time or duration: "soon"'):
        timestamp("soon", 0.0)


@pytest.mark.usefixtures("utc")
def test_times_are_printed_as_go_prints_them() -> None:
    assert go_time(1795348123) == "2026-11-22 11:48:43 +0000 UTC"
    assert rfc3339(1795348123) == "2026-11-22T11:48:43Z"
    assert rfc3339_nano(1795348123_000000042) == "2026-11-22T11:48:43.000000042Z"


def test_an_unset_time_is_zero() -> None:
    assert parse_rfc3339("0001-01-01T00:00:00Z") == 0.0
    assert parse_rfc3339("2026-11-22T11:48:43.5Z") == 1795348123.5
