"""The tar reader: entries off a tape, one at a time, forwards.

It joins what pax and GNU extension headers say with the member they stand before, and hands out names,
owners, times and extended attributes as they are written. It judges the form of an archive only; where a name
may lead is for whoever unpacks it. Extension headers and sparse maps have limits; whatever is malformed is a
BadArchive.
"""

from collections.abc import Iterator

from wharf.content.tar import header as head
from wharf.content.tar import pax, sparse
from wharf.content.tar.header import BLOCK, BadArchive, Header
from wharf.content.tar.tape import Tape

EXTENSION_MAX = 1024 * 1024
"""Bytes of one pax header or long name."""

_EXTENSIONS_IN_A_ROW = 16
_DATALESS = frozenset(
    (head.HARD_LINK, head.SYMLINK, head.CHARACTER, head.BLOCK_DEVICE, head.DIRECTORY, head.FIFO)
)
_NANO = 1_000_000_000


class Entry:
    """One member: what it is, what it is called, and everything said about it. Times are ns since 1970."""

    __slots__ = (
        "gid",
        "kind",
        "link",
        "major",
        "minor",
        "mode",
        "mtime",
        "name",
        "sparse",
        "stored",
        "uid",
        "xattrs",
    )

    def __init__(self, block: Header) -> None:
        self.kind = block.kind
        self.name = block.name
        self.link = block.link
        self.mode = block.mode
        self.uid = block.uid
        self.gid = block.gid
        self.mtime = block.mtime * _NANO
        self.major = block.major
        self.minor = block.minor
        self.stored = block.size
        self.sparse: sparse.Sparse | None = None
        self.xattrs: dict[bytes, bytes] | None = None

    @property
    def size(self) -> int:
        """The size of the file that this entry is, holes included."""
        return self.stored if self.sparse is None else self.sparse.size

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return self.kind == head.REGULAR


class Reader:
    """The entries on `tape`; iterate, and take each one's content before the next, or not at all."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._left = 0
        self._pad = 0
        self._defaults: dict[bytes, bytes] = {}

    def __iter__(self) -> Iterator[Entry]:
        while (entry := self._next()) is not None:
            yield entry

    def content(self) -> Iterator[memoryview | bytes]:
        """Yield the stored bytes of the present entry (of a sparse one: its extents, one after another)."""
        count, self._left = self._left, 0
        return self._tape.chunks(count)

    def take_content(self) -> int:
        """Return how many bytes of content the present entry has, which the caller takes off the tape."""
        count, self._left = self._left, 0
        return count

    @property
    def content_offset(self) -> int:
        """Where on the tape the present entry's content begins; meaningful before it is taken."""
        return self._tape.offset

    def _skip_rest(self) -> None:
        rest, self._left, self._pad = self._left + self._pad, 0, 0
        if rest:
            self._tape.skip(rest)

    def _next(self) -> Entry | None:
        raw, name, link = b"", b"", b""
        for _ in range(_EXTENSIONS_IN_A_ROW):
            self._skip_rest()
            block = self._tape.take_or_end(BLOCK)
            if not block or head.is_zero(block):
                if raw or name or link:
                    raise BadArchive("invalid tar header: extension of nothing")
                return None
            parsed = head.parse(block)
            kind = parsed.kind
            if kind == head.PAX:
                raw += self._extension(parsed)
            elif kind == head.PAX_GLOBAL:
                self._defaults.update(pax.parse(self._extension(parsed)))
            elif kind == head.GNU_LONG_NAME:
                name = head.text(self._extension(parsed))
            elif kind == head.GNU_LONG_LINK:
                link = head.text(self._extension(parsed))
            else:
                return self._entry(block, parsed, raw, name, link)
        raise BadArchive("invalid tar header: too many extensions")

    def _extension(self, parsed: Header) -> bytes:
        if parsed.size > EXTENSION_MAX:
            raise BadArchive("invalid tar header: extension too long")
        data = self._tape.take(parsed.size)
        self._tape.skip(head.padding(parsed.size))
        return data

    def _entry(self, block: bytes, parsed: Header, raw: bytes, name: bytes, link: bytes) -> Entry:
        entry = Entry(parsed)
        entry.name = name or entry.name
        entry.link = link or entry.link
        if entry.kind == head.CONTIGUOUS:
            entry.kind = head.REGULAR
        elif entry.kind == head.REGULAR and not name and entry.name.endswith(b"/"):
            entry.kind = head.DIRECTORY  # v7 had no other way to say so
        records = dict(self._defaults) if self._defaults else {}
        if raw:
            records.update(pax.parse(raw))
        if records:
            self._apply(entry, records)
        if entry.kind == head.GNU_SPARSE:
            entry.sparse = sparse.read_old(block, entry.stored, self._tape)
            entry.kind = head.REGULAR
        self._left = 0 if entry.kind in _DATALESS else entry.stored
        self._pad = head.padding(self._left)
        if records and entry.kind == head.REGULAR and entry.sparse is None:
            entry.sparse = sparse.read_pax(raw, records, entry.stored, self._tape)
            if entry.sparse is not None:
                self._left = entry.sparse.stored
        if b"\0" in entry.name or b"\0" in entry.link:
            raise BadArchive("invalid tar header: NUL in a name")
        head.check_id(entry.uid)
        head.check_id(entry.gid)
        return entry

    def _apply(self, entry: Entry, records: dict[bytes, bytes]) -> None:
        for key, value in records.items():
            if key.startswith(pax.XATTR):
                if entry.xattrs is None:
                    entry.xattrs = {}
                entry.xattrs[key[len(pax.XATTR) :]] = value
            elif not value:
                continue  # an empty value takes the record back (pax(1)): the header's own field counts
            elif key == b"path":
                entry.name = value
            elif key == b"linkpath":
                entry.link = value
            elif key == b"size":
                entry.stored = pax.integer(value, key)
                if entry.stored > head.SIZE_MAX:
                    raise BadArchive("invalid tar header: impossible size")
            elif key == b"uid":
                entry.uid = pax.integer(value, key)
            elif key == b"gid":
                entry.gid = pax.integer(value, key)
            elif key == b"mtime":
                entry.mtime = pax.nanoseconds(value)
        if b"GNU.sparse.name" in records:
            entry.name = records[b"GNU.sparse.name"]
