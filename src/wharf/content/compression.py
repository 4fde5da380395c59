"""Decompression in this process, told by the bytes themselves: gzip, bzip2, xz, zstd, or none.

A `Source` hands out bounded pieces, however much a few compressed bytes may stand for, and follows members
that are joined end to end (gzip(1), bzip2(1), xz(1) and zstd(1) all read those as one). Memory that a stream
may ask for is limited. No program is ever run for this, and nothing is loaded later than this module: it may
be used in a process that no longer sees the host's files.
"""

import bz2
import hashlib
import lzma
import os
import sys
import zlib
from collections.abc import Callable
from typing import Protocol

from isal import igzip_lib

from wharf.errors import InvalidParameter

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CHUNK = 256 * 1024
"""Bytes read, and bytes handed out, at a time."""

_XZ_MEMORY = 256 * 1024 * 1024
_ZSTD_WINDOW_LOG = 27
_MAGIC_LENGTH = 6

NONE, GZIP, BZIP2, XZ, ZSTD = "none", "gzip", "bzip2", "xz", "zstd"


class BadCompression(InvalidParameter):
    """The compressed bytes are broken, or end too early."""


class _Decompressor(Protocol):
    """What bz2, lzma, zstd and isal have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def _zstd() -> _Decompressor:
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG})


_FORMATS: dict[str, Callable[[], _Decompressor]] = {
    GZIP: lambda: igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP),
    BZIP2: bz2.BZ2Decompressor,
    XZ: lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, _XZ_MEMORY),
    ZSTD: _zstd,
}

_FAULTS: tuple[type[Exception], ...] = (  # type: ignore[assignment]  # isal types its error as an instance
    OSError,
    EOFError,
    ValueError,
    lzma.LZMAError,
    zlib.error,
    zstd.ZstdError,
    igzip_lib.error,
)


def detect(start: bytes) -> str:
    """Return the compression that the first bytes of a stream tell of."""
    if start[:3] == b"\x1f\x8b\x08":
        return GZIP
    if start[:3] == b"BZh":
        return BZIP2
    if start[:6] == b"\xfd7zXZ\0":
        return XZ
    # RFC 8878: a frame, or a skippable one.
    if start[:4] == b"\x28\xb5\x2f\xfd" or (start[1:4] == b"\x2a\x4d\x18" and 0x50 <= start[0] <= 0x5F):
        return ZSTD
    return NONE


class _Hash(Protocol):
    """What hashlib's objects can do."""

    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


class _NoHash:
    """Stands for a hash that nobody asks for."""

    def update(self, data: bytes, /) -> None:
        """Take no time."""

    def hexdigest(self) -> str:
        raise AssertionError("this source is not hashed")


class Source:
    """The content of a range of a file, decompressed, with both sides hashed as they pass.

    `digest` is of the bytes as they lie in the file, `diff_id` of what `read` has handed out; both are whole
    once `read` has returned `b""`.
    """

    def __init__(self, fd: int, offset: int = 0, size: int | None = None, *, is_hashed: bool = True) -> None:
        """Read `fd` (borrowed) from `offset` for `size` bytes, or to its end; its position is left alone.

        Where nobody asks for the digests, `is_hashed` spares the time that they take.
        """
        self._fd = fd
        self._position = offset
        self._end = os.fstat(fd).st_size if size is None else offset + size
        self.compression = detect(os.pread(fd, min(_MAGIC_LENGTH, self._end - offset), offset))
        self._make = _FORMATS.get(self.compression)
        self._decompressor = self._make() if self._make is not None else None
        self._outer: _Hash = hashlib.sha256() if is_hashed else _NoHash()
        self._inner = self._outer if self._make is None or not is_hashed else hashlib.sha256()
        self.unpacked = 0

    @property
    def digest(self) -> str:
        """`sha256:<hex>` of the bytes read from the file."""
        return f"sha256:{self._outer.hexdigest()}"

    @property
    def diff_id(self) -> str:
        """`sha256:<hex>` of the bytes handed out."""
        return f"sha256:{self._inner.hexdigest()}"

    @property
    def taken(self) -> int:
        """Where in the file reading has come to."""
        return self._position

    def read(self) -> bytes:
        """Return the next decompressed bytes, at most CHUNK, `b""` at the end; raises BadCompression."""
        if self._decompressor is None:
            piece = self._raw()
            self.unpacked += len(piece)
            return piece
        try:
            piece = self._next(self._decompressor)
        except _FAULTS as error:
            raise BadCompression(f"cannot decompress {self.compression} data: {error}") from error
        self._inner.update(piece)
        self.unpacked += len(piece)
        return piece

    def _raw(self) -> bytes:
        want = min(CHUNK, self._end - self._position)
        piece = os.pread(self._fd, want, self._position) if want > 0 else b""
        if want > 0 and not piece:
            raise BadCompression("unexpected EOF")
        self._position += len(piece)
        self._outer.update(piece)
        return piece

    def _next(self, current: _Decompressor) -> bytes:
        while True:
            if current.eof:
                following = self._following_member(current)
                if following is None:
                    return b""
                current, data = following
            else:
                data = self._raw() if current.needs_input else b""
                if not data and current.needs_input:
                    raise BadCompression(f"cannot decompress {self.compression} data: unexpected EOF")
            if piece := current.decompress(data, CHUNK):
                return piece

    def _following_member(self, current: _Decompressor) -> tuple[_Decompressor, bytes] | None:
        """Return the decompressor of the next member and its first bytes, or None at the end."""
        rest = current.unused_data or self._raw()
        # Tapes are padded with zeros; no format begins with one.
        while rest and not rest.strip(b"\0"):
            rest = self._raw()
        if not rest:
            return None
        assert self._make is not None
        self._decompressor = self._make()
        return self._decompressor, rest.lstrip(b"\0")
