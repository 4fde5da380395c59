"""Times as Docker writes them."""

import pytest

from wharf.schema.timestamp import ZERO, from_rfc3339, rfc3339, rfc3339_nine

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, ZERO),
        (SECOND, "1970-01-01T00:00:01Z"),
        (SECOND + 1, "1970-01-01T00:00:01.000000001Z"),
        (SECOND + 120_000_000, "1970-01-01T00:00:01.12Z"),
        (1_795_349_099_836_318_867, "2026-11-22T12:04:59.836318867Z"),
    ],
)
def test_a_time_is_written_and_read_back(nanoseconds: int, text: str) -> None:
    assert rfc3339(nanoseconds) == text
    assert from_rfc3339(text) == nanoseconds


def test_logs_have_nine_digits() -> None:
    assert rfc3339_nine(SECOND + 120_000_000) == "1970-01-01T00:00:01.120000000Z"


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01T01:00:01+01:00", SECOND),
        ("1969-12-31T23:00:01.5-01:00", SECOND + SECOND // 2),
        ("1970-01-01T00:00:00.1234567899Z", 123_456_789),
    ],
)
def test_any_offset_and_number_of_digits_is_read(text: str, nanoseconds: int) -> None:
    assert from_rfc3339(text) == nanoseconds


@pytest.mark.parametrize("text", ["", "x", "1970-01-01T00:00:00", "1970-01-01T00:00:00.Z", "5"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the message is Python's
        from_rfc3339(text)
