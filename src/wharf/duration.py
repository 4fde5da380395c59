"""Durations in Docker's words; the engine says them in lists, the command line in others. Imports nothing."""


def human_duration(seconds: float) -> str:
    """Return about how long that is: "Less than a second", "5 minutes", "About an hour", "2 weeks"."""
    whole = int(seconds)
    if whole < 1:
        return "Less than a second"
    if whole == 1:
        return "1 second"
    if whole < 60:
        return f"{whole} seconds"
    minutes = whole // 60
    if minutes == 1:
        return "About a minute"
    if minutes < 60:
        return f"{minutes} minutes"
    hours = int(seconds / 3600 + 0.5)
    if hours == 1:
        return "About an hour"
    if hours < 48:
        return f"{hours} hours"
    if hours < 24 * 7 * 2:
        return f"{hours // 24} days"
    if hours < 24 * 30 * 2:
        return f"{hours // 24 // 7} weeks"
    if hours < 24 * 365 * 2:
        return f"{hours // 24 // 30} months"
    return f"{int(seconds / 3600) // 24 // 365} years"


_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_NUMBER = "0123456789."


def parse_duration(text: str) -> int:
    """Return the nanoseconds in "1h30m", "1.5s", "-10ms", or "0".

    Raises:
        ValueError: with Go's words.
    """
    quoted = '"' + text.replace('"', '\\"') + '"'
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    if not rest:
        raise ValueError(f"time: invalid duration {quoted}")
    total = 0.0
    while rest:
        number = _leading(rest, inside=True)
        rest = rest[len(number) :]
        if not number.strip(".") or number.count(".") > 1:
            raise ValueError(f"time: invalid duration {quoted}")
        unit = _leading(rest, inside=False)
        rest = rest[len(unit) :]
        if not unit:
            raise ValueError(f"time: missing unit in duration {quoted}")
        if unit not in _UNITS:
            raise ValueError(f'time: unknown unit "{unit}" in duration {quoted}')
        total += float(number) * _UNITS[unit]
    return -round(total) if text.startswith("-") else round(total)


def _leading(text: str, *, inside: bool) -> str:
    """Return the start of `text` that is a number (`inside`), or that is none."""
    for index, character in enumerate(text):
        if (character in _NUMBER) != inside:
            return text[:index]
    return text
