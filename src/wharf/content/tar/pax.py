"""Pax extended headers (pax(1), "pax Header Block"): lines `<length> <key>=<value>`, read and written."""

from collections.abc import Iterable, Mapping

from wharf.content.tar.header import BadArchive

XATTR = b"SCHILY.xattr."
"""Prefix of the keys that carry extended attributes (star's convention, used by every container tool)."""

_LENGTH_DIGITS = 20


def parse(data: bytes) -> dict[bytes, bytes]:
    """Return the records in `data`; a later one wins over an earlier one; raises BadArchive."""
    return dict(pairs(data))


def pairs(data: bytes) -> Iterable[tuple[bytes, bytes]]:
    """Yield the records of `data` in order, repeated keys too (for GNU sparse 0.0); raises BadArchive."""
    position = 0
    while position < len(data):
        blank = data.find(b" ", position, position + _LENGTH_DIGITS)
        digits = data[position:blank] if blank > 0 else b""
        # int() would take signs, underscores and blanks.
        if not digits or digits.strip(b"0123456789"):
            raise BadArchive("invalid pax header: malformed length")
        end = position + int(digits)
        if end > len(data) or end <= blank + 1 or data[end - 1] != 0x0A:
            raise BadArchive("invalid pax header: record does not end where it says")
        key, equals, value = data[blank + 1 : end - 1].partition(b"=")
        if not key or not equals or b"\0" in key:
            raise BadArchive("invalid pax header: malformed record")
        yield key, value
        position = end


def build(records: Mapping[bytes, bytes]) -> bytes:
    """Return `records` as the body of an extended header, in the order of their keys."""
    return b"".join(_record(key, records[key]) for key in sorted(records))


def _record(key: bytes, value: bytes) -> bytes:
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest)
    # The length counts its own digits.
    while length != len(rest) + len(b"%d" % length):
        length = len(rest) + len(b"%d" % length)
    return b"%d" % length + rest


def integer(value: bytes, key: bytes) -> int:
    """Return a decimal record's value; raises BadArchive for anything but digits (a sign too)."""
    if not value or len(value) > _LENGTH_DIGITS or value.strip(b"0123456789"):
        raise BadArchive(f"invalid pax header: malformed {key.decode('utf-8', 'replace')}")
    return int(value)


def nanoseconds(value: bytes) -> int:
    """Return a time record (`[-]seconds[.fraction]`) in nanoseconds since 1970; raises BadArchive."""
    negative = value.startswith(b"-")
    seconds, _, fraction = value[negative:].partition(b".")
    if (seconds + fraction).strip(b"0123456789") or not seconds or len(seconds) > _LENGTH_DIGITS:
        raise BadArchive("invalid pax header: malformed time")
    total = int(seconds) * 1_000_000_000 + int((fraction + b"000000000")[:9])
    return -total if negative else total


def time_text(nanos: int) -> bytes:
    """Return `nanos` since 1970 as a time record's value, without needless digits."""
    sign = b"-" if nanos < 0 else b""
    seconds, rest = divmod(abs(nanos), 1_000_000_000)
    if not rest:
        return b"%s%d" % (sign, seconds)
    return b"%s%d.%s" % (sign, seconds, (b"%09d" % rest).rstrip(b"0"))
