"""The tar writer: entries as bytes, in pax format where ustar does not hold them.

It writes what Go's archive/tar writes for the same entry where that matters to a digest: ustar when all fits,
else one pax header with only the records that are needed, in the order of their keys.
"""

from wharf.content.tar import header as head
from wharf.content.tar import pax
from wharf.content.tar.header import BLOCK, Header

END = bytes(2 * BLOCK)
"""What ends an archive."""

_NAME = 100
_OCTAL_7, _OCTAL_11 = 8**7, 8**11
_NANO = 1_000_000_000


def entry(
    name: bytes,
    *,
    kind: bytes = head.REGULAR,
    mode: int = 0o644,
    uid: int = 0,
    gid: int = 0,
    size: int = 0,
    mtime: int = 0,
    link: bytes = b"",
    device: tuple[int, int] = (0, 0),
    xattrs: dict[bytes, bytes] | None = None,
) -> bytes:
    """Return the headers of one entry; its `size` bytes of content, padded, come next.

    `mtime` is in nanoseconds since 1970. Names that are long or not ASCII, large numbers, fractions of a
    second and extended attributes go into a pax header.
    """
    records: dict[bytes, bytes] = {}
    if len(name) > _NAME or not name.isascii():
        records[b"path"] = name
    if len(link) > _NAME or not link.isascii():
        records[b"linkpath"] = link
    for key, value in ((b"uid", uid), (b"gid", gid)):
        if value >= _OCTAL_7:
            records[key] = b"%d" % value
    if size >= _OCTAL_11:
        records[b"size"] = b"%d" % size
    if mtime % _NANO or not 0 <= mtime < _OCTAL_11 * _NANO:
        records[b"mtime"] = pax.time_text(mtime)
    for key, value_bytes in (xattrs or {}).items():
        records[pax.XATTR + key] = value_bytes
    block = head.build(
        Header(
            _ascii(name),
            mode,
            0 if b"uid" in records else uid,
            0 if b"gid" in records else gid,
            0 if b"size" in records else size,
            min(max(mtime // _NANO, 0), _OCTAL_11 - 1),
            kind,
            _ascii(link),
            False,
            *device,
        )
    )
    return (_extension(name, records) if records else b"") + block


def _ascii(name: bytes) -> bytes:
    """Return what of a name fits into a header's field; the whole is in the pax header then."""
    return (
        name[:_NAME] if name.isascii() else name.decode("utf-8", "replace").encode("ascii", "replace")[:_NAME]
    )


def _extension(name: bytes, records: dict[bytes, bytes]) -> bytes:
    folder, _, base = name.rstrip(b"/").rpartition(b"/")
    label = _ascii((folder + b"/" if folder else b"") + b"PaxHeaders.0/" + base)
    body = pax.build(records)
    block = head.build(Header(label, 0o644, 0, 0, len(body), 0, head.PAX, b"", False, 0, 0))
    return block + body + bytes(head.padding(len(body)))
