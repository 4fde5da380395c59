"""Moments as filters name them (`until=24h`, `until=2026-11-22T10:00:00`, `until=1795000000`)."""

import re
import time

from wharf.errors import InvalidParameter
from wharf.schema.timestamp import from_rfc3339

_SECOND = 1_000_000_000
_UNITS = {"ns": 1, "us": 1000, "µs": 1000, "ms": 10**6, "s": _SECOND, "m": 60 * _SECOND, "h": 3600 * _SECOND}
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|ms|s|m|h)", re.ASCII)
_DURATION = re.compile(rf"[-+]?(?:{_PART.pattern})+", re.ASCII)
_UNIX = re.compile(r"[0-9]{1,18}(\.[0-9]{1,9})?", re.ASCII)
_ZONED = re.compile(r"(Z|[+-][0-9]{2}:[0-9]{2})$")


def moment(text: str) -> int:
    """Return the nanoseconds since 1970 of a duration ago, an RFC 3339 time (no zone: UTC), or a number.

    Raises InvalidParameter in Docker's words.
    """
    if _DURATION.fullmatch(text):
        parts = _PART.findall(text)
        ago = sum(int(float(number) * _UNITS[unit]) for number, unit in parts)
        return time.time_ns() - (-ago if text.startswith("-") else ago)
    if _UNIX.fullmatch(text):
        whole, _, fraction = text.partition(".")
        return int(whole) * _SECOND + int(fraction.ljust(9, "0") or 0)
    try:
        return from_rfc3339(_completed(text))
    except ValueError:
        raise InvalidParameter(f'failed to parse value as time or duration: "{text}"') from None


def _completed(text: str) -> str:
    """Return an RFC 3339 time out of one without zone, seconds, or time of day."""
    if "T" not in text:
        return f"{text.removesuffix('Z')}T00:00:00Z"
    zone = found[0] if (found := _ZONED.search(text)) else ""
    bare = text.removesuffix(zone) if zone else text
    if bare.count(":") == 1:
        bare += ":00"
    return bare + (zone or "Z")
