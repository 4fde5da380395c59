"""Durations and points in time, as Go writes and reads them, and as the engine's API takes them."""

from __future__ import annotations

import time

from wharf.duration import parse_duration

__all__ = ["go_time", "parse_duration", "parse_rfc3339", "rfc3339", "rfc3339_nano", "timestamp"]


def timestamp(text: str, now: float) -> str:
    """Return a point in time as the API takes it: of seconds since the epoch, RFC 3339, or a duration.

    A duration counts back from `now`, in seconds since the epoch. A date without a zone is local time.

    Raises:
        ValueError: it is none of these.
    """
    try:
        ago = parse_duration(text)
    except ValueError:
        pass
    else:
        return _seconds(int(now * 1_000_000_000) - ago)
    if text.replace(".", "", 1).lstrip("-").isdigit():
        return text
    from datetime import datetime

    if "T" not in text and "-" not in text[1:]:
        raise ValueError(f'failed to parse value as time or duration: "{text}"')
    main, _, fraction = text.partition(".")
    digits = ""
    while fraction[:1].isdigit():
        digits, fraction = digits + fraction[0], fraction[1:]
    try:
        parsed = datetime.fromisoformat(main + fraction)
    except ValueError:
        raise ValueError(f'failed to parse value as time or duration: "{text}"') from None
    whole = int(parsed.timestamp())
    return f"{whole}.{digits.ljust(9, '0')[:9]}" if digits else f"{whole}.{0:09d}"


def _seconds(nanoseconds: int) -> str:
    return f"{nanoseconds // 1_000_000_000}.{nanoseconds % 1_000_000_000:09d}"


def go_time(epoch_s: int) -> str:
    """Return a time in the local zone as Go prints one: `2026-11-22 12:06:23 +0000 UTC`."""
    local = time.localtime(epoch_s)
    zone = time.strftime("%z %Z", local)
    return time.strftime("%Y-%m-%d %H:%M:%S ", local) + zone


def rfc3339(epoch_s: int) -> str:
    """Return a time in the local zone: `2026-11-22T12:06:23Z`, or with its offset."""
    local = time.localtime(epoch_s)
    offset = time.strftime("%z", local)
    zone = "Z" if offset == "+0000" else f"{offset[:3]}:{offset[3:]}"
    return time.strftime("%Y-%m-%dT%H:%M:%S", local) + zone


def rfc3339_nano(epoch_ns: int) -> str:
    """Return a time in the local zone with nine digits after the second."""
    seconds, nanoseconds = divmod(epoch_ns, 1_000_000_000)
    plain = rfc3339(seconds)
    return f"{plain[:19]}.{nanoseconds:09d}{plain[19:]}"


def parse_rfc3339(text: str) -> float:
    """Return the seconds since the epoch of `2026-11-22T12:06:23.123456789Z`; 0 for an unset time."""
    from datetime import datetime

    main, dot, fraction = text.partition(".")
    zone = "".join(character for character in fraction if not character.isdigit())[:1]
    offset = fraction[fraction.index(zone) :] if dot and zone else ""
    parsed = datetime.fromisoformat(main + offset)
    if parsed.year <= 1:
        return 0.0
    digits = fraction[: len(fraction) - len(offset)] if dot else ""
    return parsed.timestamp() + (int(digits) / 10 ** len(digits) if digits else 0.0)
