"""Points in time as Docker writes them: RFC 3339 in UTC with as many digits of the nanosecond as it has.

Inside the engine a time is an int, nanoseconds since 1970; 0 stands for Go's zero time, which is written
`0001-01-01T00:00:00Z`.
"""

import time
from datetime import UTC, datetime
from typing import Final

from wharf.duration import parse_duration

ZERO: Final = "0001-01-01T00:00:00Z"
"""Go's zero `time.Time`."""

_SECOND: Final = 1_000_000_000


def rfc3339(nanoseconds: int) -> str:
    """Return a time as Go's `time.RFC3339Nano` has it: no trailing zeros, no fraction when it is zero."""
    if not nanoseconds:
        return ZERO
    seconds, fraction = divmod(nanoseconds, _SECOND)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    if not fraction:
        return text + "Z"
    return f"{text}.{fraction:09d}".rstrip("0") + "Z"


def rfc3339_nine(nanoseconds: int) -> str:
    """Return a time with nine digits always: what `logs --timestamps` puts before a line."""
    seconds, fraction = divmod(nanoseconds, _SECOND)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{fraction:09d}Z"


def from_rfc3339(text: str) -> int:
    """Return the nanoseconds of an RFC 3339 time with any offset and any number of digits; ValueError."""
    whole, dot, rest = text.partition(".")
    if dot:
        digits = len(rest) - len(rest.lstrip("0123456789"))
        fraction, offset = rest[:digits], rest[digits:]
        if not digits:
            raise ValueError(f"no digits after the point: {text!r}")
    else:
        fraction, offset = "", ""
    # Python 3.11 takes "Z" and "+01:00" but at most six digits, so the fraction is read here.
    moment = datetime.fromisoformat(whole + offset)
    if moment.tzinfo is None:
        raise ValueError(f"no offset from UTC: {text!r}")
    if moment.year == 1:
        return 0
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86400 + since.seconds) * _SECOND + int(fraction[:9].ljust(9, "0"))


def from_words(text: str, now: int) -> int:
    """Return the moment that Docker's `since` and `until` name; `now` is in nanoseconds since 1970.

    A duration counts back from now (`1h30m`); seconds since 1970 may have a fraction; a date or time without
    a zone is local. Raises ValueError in Docker's words.
    """
    try:
        if text != "0":
            return now - parse_duration(text)
    except ValueError:
        pass
    seconds, _, fraction = text.partition(".")
    if seconds.isascii() and seconds.removeprefix("-").isdigit() and len(seconds) < 19:
        return int(seconds) * _SECOND + int(f"{fraction[:9]:0<9}" if fraction.isdigit() else 0)
    try:
        moment = datetime.fromisoformat(seconds if fraction and fraction.isdigit() else text)
    except ValueError:
        raise ValueError(f'failed to parse value as time or duration: "{text}"') from None
    return int(moment.timestamp()) * _SECOND
