"""Sparse members: where the data of a file with holes belongs (GNU tar manual, "Storing Sparse Files").

Four encodings are read: the old GNU one (type `S`, a table in the header) and pax 0.0, 0.1 and 1.0. Tables
that overlap, go backwards, leave the file or disagree with the stored size are refused.
"""

from collections.abc import Sequence
from typing import NamedTuple

from wharf.content.tar import pax
from wharf.content.tar.header import BLOCK, SIZE_MAX, BadArchive, number
from wharf.content.tar.tape import Tape

EXTENTS_MAX = 1_000_000
"""Extents of one file."""

_MAP_BYTES_MAX = 32 * 1024 * 1024


class Extent(NamedTuple):
    """`length` bytes of data that belong at `offset` of the file."""

    offset: int
    length: int


class Sparse(NamedTuple):
    """The full size of a sparse file, its extents in rising order, and how many stored bytes hold them."""

    size: int
    extents: tuple[Extent, ...]
    stored: int


def _checked(size: int, numbers: Sequence[int], stored: int) -> Sparse:
    extents: list[Extent] = []
    end = 0
    for offset, length in zip(numbers[::2], numbers[1::2], strict=True):
        if offset < end or length < 0 or offset + length > size:
            raise BadArchive("invalid sparse map")
        end = offset + length
        if length:
            extents.append(Extent(offset, length))
    if sum(extent.length for extent in extents) != stored or not 0 <= size <= SIZE_MAX:
        raise BadArchive("invalid sparse map")
    return Sparse(size, tuple(extents), stored)


def read_old(block: bytes, stored: int, tape: Tape) -> Sparse:
    """Return the map in an old GNU header `block` and the blocks that continue it on `tape`."""
    numbers: list[int] = []
    table, more, size = block[386:482], block[482], number(block[483:495])
    while True:
        for at in range(0, len(table) // 24 * 24, 24):
            if not table[at]:
                break
            numbers += number(table[at : at + 12]), number(table[at + 12 : at + 24])
        if not more:
            return _checked(size, numbers, stored)
        if len(numbers) > 2 * EXTENTS_MAX:
            raise BadArchive("invalid sparse map: too many extents")
        table = tape.take(BLOCK)
        more = table[504]
        table = table[:504]


def read_pax(raw: bytes, records: dict[bytes, bytes], stored: int, tape: Tape) -> Sparse | None:
    """Return the map that pax `records` (as bytes: `raw`) tell of, or None if the member is not sparse.

    Format 1.0 keeps its map before the data: it is taken off `tape`.
    """
    if records.get(b"GNU.sparse.major") == b"1" and records.get(b"GNU.sparse.minor", b"0") == b"0":
        size = pax.integer(records.get(b"GNU.sparse.realsize", b""), b"GNU.sparse.realsize")
        return _read_leading_map(size, stored, tape)
    if b"GNU.sparse.major" in records:
        raise BadArchive("unknown sparse format")
    if b"GNU.sparse.size" not in records:
        return None
    size = pax.integer(records[b"GNU.sparse.size"], b"GNU.sparse.size")
    if b"GNU.sparse.map" in records:
        parts = records[b"GNU.sparse.map"].split(b",") if records[b"GNU.sparse.map"] else []
        numbers = [pax.integer(part, b"GNU.sparse.map") for part in parts]
    else:
        keys = (b"GNU.sparse.offset", b"GNU.sparse.numbytes")
        found = [(key, value) for key, value in pax.pairs(raw) if key in keys]
        if [key for key, _ in found] != list(keys) * (len(found) // 2):
            raise BadArchive("invalid sparse map")
        numbers = [pax.integer(value, key) for key, value in found]
    if len(numbers) % 2 or len(numbers) > 2 * EXTENTS_MAX:
        raise BadArchive("invalid sparse map")
    return _checked(size, numbers, stored)


def _read_leading_map(size: int, stored: int, tape: Tape) -> Sparse:
    """Read a count, then that many pairs, each number on a line, padded to whole blocks."""
    data = b""
    count: int | None = None
    used = 0
    numbers: list[int] = []
    while count is None or len(numbers) < 2 * count:
        if used + BLOCK > min(stored, _MAP_BYTES_MAX):
            raise BadArchive("invalid sparse map")
        *lines, data = (data + tape.take(BLOCK)).split(b"\n")
        used += BLOCK
        values = [pax.integer(line, b"sparse map") for line in lines if count is None or line.strip(b"\0")]
        if count is None and values:
            count = values.pop(0)
            if count > EXTENTS_MAX:
                raise BadArchive("invalid sparse map: too many extents")
        numbers += values
    if len(numbers) != 2 * count:
        raise BadArchive("invalid sparse map")
    return _checked(size, numbers, stored - used)
