"""Sizes and durations for people, as go-units writes and reads them."""

from __future__ import annotations

_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")
_FACTORS = {"k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


def four_digits(value: float, digits: int = 4) -> str:
    """Return `value` with that many significant digits, as Go's %.4g prints it."""
    return f"{value:.{digits}g}"


def _scaled(size: float, base: float, units: tuple[str, ...]) -> tuple[float, str]:
    index = 0
    while size >= base and index < len(units) - 1:
        size /= base
        index += 1
    return size, units[index]


def human_size(size: float, precision: int = 4) -> str:
    """Return `size` (bytes) in powers of 1000: 1984283 is "1.984MB"; lists use precision 3."""
    value, unit = _scaled(size, 1000.0, _DECIMAL)
    return four_digits(value, precision) + unit


def bytes_size(size: float) -> str:
    """Return `size` (bytes) in powers of 1024: "1.892MiB"."""
    value, unit = _scaled(size, 1024.0, _BINARY)
    return four_digits(value) + unit


def ram_in_bytes(text: str) -> int:
    """Return the bytes that "64m", "1.5 GiB" or "100" mean, in powers of 1024.

    Raises:
        ValueError: with Docker's words.
    """
    last = max((text.rfind(character) for character in "01234567890. "), default=-1)
    if last < 0:
        raise ValueError(f"invalid size: '{text}'")
    number, suffix = text[: last + 1], text[last + 1 :].lower()
    number = number.removesuffix(" ")
    try:
        if number != number.strip() or "_" in number:
            raise ValueError(number)
        size = float(number)
    except ValueError:
        raise ValueError(f'strconv.ParseFloat: parsing "{number}": invalid syntax') from None
    if size < 0:
        raise ValueError(f"invalid size: '{text}'")
    if suffix in ("", "b"):
        return int(size)
    power = _FACTORS.get(suffix[0])
    if power is None or suffix[1:] not in ("", "b", "ib"):
        raise ValueError(f"invalid suffix: '{suffix}'")
    return int(size * 1024**power)
