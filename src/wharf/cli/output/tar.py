"""A tar archive (POSIX ustar) written piece by piece: folders, small files and links, all owned by root."""

from __future__ import annotations

_BLOCK = 512


class TarWriter:
    """Makes the pieces of an archive; everything in it is dated `mtime` (seconds since the epoch).

    Names of more than 100 bytes are refused.
    """

    __slots__ = ("_mtime",)

    def __init__(self, mtime: int) -> None:
        self._mtime = mtime

    def folder(self, name: str, mode: int) -> bytes:
        """Return a folder."""
        return self._header(f"{name}/", mode, b"5")

    def file(self, name: str, mode: int, content: bytes) -> bytes:
        """Return a file with its content."""
        padding = b"\0" * (-len(content) % _BLOCK)
        return self._header(name, mode, b"0", size=len(content)) + content + padding

    def hard_link(self, name: str, target: str) -> bytes:
        """Return another name for `target`, which came before."""
        return self._header(name, 0o755, b"1", target=target)

    def symbolic_link(self, name: str, target: str) -> bytes:
        """Return a symbolic link."""
        return self._header(name, 0o777, b"2", target=target)

    def end(self) -> bytes:
        """Return what closes the archive."""
        return b"\0" * (2 * _BLOCK)

    def _header(self, name: str, mode: int, kind: bytes, *, size: int = 0, target: str = "") -> bytes:
        fields = (
            (name.encode(), 100),
            (b"%07o" % mode, 8),
            (b"%07o" % 0, 8),
            (b"%07o" % 0, 8),
            (b"%011o" % size, 12),
            (b"%011o" % self._mtime, 12),
            (b" " * 8, 8),
            (kind, 1),
            (target.encode(), 100),
            (b"ustar\0" + b"00", 8),
            (b"root", 32),
            (b"root", 32),
        )
        header = b""
        for value, width in fields:
            if len(value) > width:
                raise ValueError(f"{value!r} does not fit a tar header")
            header += value.ljust(width, b"\0")
        header = header.ljust(_BLOCK, b"\0")
        checksum = b"%06o\0 " % sum(header)
        return header[:148] + checksum + header[156:]
