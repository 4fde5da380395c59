"""The 512-byte header block: its fields, its numbers, its checksum; read and written.

Formats: v7, ustar (POSIX.1-1988) and GNU (tar(5) of libarchive describes all three). Numbers are octal text
or GNU base-256; a negative size or id, a checksum that does not hold, and letters in a number are refused.
"""

import struct
from typing import NamedTuple

from wharf.errors import InvalidParameter

BLOCK = 512

REGULAR = b"0"
HARD_LINK = b"1"
SYMLINK = b"2"
CHARACTER = b"3"
BLOCK_DEVICE = b"4"
DIRECTORY = b"5"
FIFO = b"6"
CONTIGUOUS = b"7"
PAX = b"x"
PAX_GLOBAL = b"g"
GNU_LONG_NAME = b"L"
GNU_LONG_LINK = b"K"
GNU_SPARSE = b"S"

_FIELDS = struct.Struct("100s8s8s8s12s12s8s1s100s8s32s32s8s8s155s12s")
_ZERO = bytes(BLOCK)
_USTAR = b"ustar\x0000"
_GNU = b"ustar  \x00"
_ID_MAX = 2**32 - 2
SIZE_MAX = 2**63 - 1


class BadArchive(InvalidParameter):
    """The bytes are no tar archive that can be trusted."""


class Header(NamedTuple):
    """One header block, numbers decoded, names as they stand (prefix joined)."""

    name: bytes
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    kind: bytes
    link: bytes
    is_gnu: bool
    major: int
    minor: int


def text(field: bytes) -> bytes:
    """Return a field's text: what stands before the first NUL."""
    return field.partition(b"\0")[0]


def number(field: bytes) -> int:
    """Return the number in `field`: octal text, or base-256 when the top bit is set; raises BadArchive."""
    first = field[0]
    if first & 0x80:
        value = int.from_bytes(field, "big", signed=False)
        bits = len(field) * 8
        # 0x80 starts a positive number; 0xff is the sign of a negative one, in two's complement.
        return value - (1 << bits) if first & 0x40 else value & ((1 << (bits - 1)) - 1)
    digits = field.partition(b"\0")[0].strip(b" ")
    if not digits:
        return 0
    # int() would take signs, underscores and blanks.
    if digits.strip(b"01234567"):
        raise BadArchive("invalid tar header: malformed number")
    return int(digits, 8)


def is_zero(block: bytes) -> bool:
    """Whether `block` is one of the two that end an archive."""
    return block == _ZERO


def parse(block: bytes) -> Header:
    """Return the header in `block` (512 bytes); raises BadArchive."""
    (name, mode, uid, gid, size, mtime, checksum, kind, link, magic, _u, _g, major, minor, prefix, _) = (
        _FIELDS.unpack(block)
    )
    expected = number(checksum)
    # The sum counts the checksum's own field as eight blanks.
    total = sum(block) - sum(checksum) + 256
    if total != expected and _signed_sum(block, checksum) != expected:
        raise BadArchive("invalid tar header: checksum mismatch")
    is_gnu = magic == _GNU
    name = text(name)
    if magic[:6] == _USTAR[:6] and prefix[0]:
        name = text(prefix) + b"/" + name
    length = number(size)
    if length < 0 or length > SIZE_MAX:
        raise BadArchive("invalid tar header: impossible size")
    device = kind in (CHARACTER, BLOCK_DEVICE)
    return Header(
        name,
        number(mode) & 0o7777,
        number(uid),
        number(gid),
        length,
        number(mtime),
        REGULAR if kind == b"\0" else kind,
        text(link),
        is_gnu,
        number(major) if device else 0,
        number(minor) if device else 0,
    )


def _signed_sum(block: bytes, checksum: bytes) -> int:
    """Return the sum that old tars made by adding signed chars."""
    return sum(byte - 256 if byte > 127 else byte for byte in block.replace(checksum, b" " * 8, 1))


def check_id(value: int) -> int:
    """Return `value` if the kernel takes it as a user or group id (not -1: "keep"); raises BadArchive."""
    if not 0 <= value <= _ID_MAX:
        raise BadArchive("invalid tar header: impossible user or group id")
    return value


def _octal(value: int, width: int) -> bytes:
    """Return `value` as octal text in `width` bytes, or in base-256 when it does not fit or is negative."""
    if 0 <= value < 8 ** (width - 1):
        return b"%0*o\0" % (width - 1, value)
    bits = 8 * width
    field = value + (1 << bits) if value < 0 else value | 1 << (bits - 1)
    return field.to_bytes(width, "big")


def build(header: Header, *, user: bytes = b"", group: bytes = b"") -> bytes:
    """Return the ustar block of `header`, whose name (and link) must fit into 100 bytes each."""
    block = bytearray(
        _FIELDS.pack(
            header.name,
            _octal(header.mode, 8),
            _octal(header.uid, 8),
            _octal(header.gid, 8),
            _octal(header.size, 12),
            _octal(header.mtime, 12),
            b" " * 8,
            header.kind,
            header.link,
            _GNU if header.is_gnu else _USTAR,
            user,
            group,
            _octal(header.major, 8),
            _octal(header.minor, 8),
            b"",
            b"",
        )
    )
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padding(size: int) -> int:
    """Return how many bytes fill `size` up to whole blocks."""
    return -size % BLOCK
