"""Decompression: told by the bytes, in bounded pieces, broken streams refused."""

import bz2
import gzip
import lzma
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wharf.content.compression import CHUNK, BadCompression, Source, detect
from wharf.schema.digest import Digest

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Compress = Callable[[bytes], bytes]

FORMATS: dict[str, Compress] = {
    "none": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd.compress,
}
COMPRESSED = {name: compress for name, compress in FORMATS.items() if name != "none"}

parametrize = pytest.mark.parametrize(("name", "compress"), FORMATS.items(), ids=FORMATS.keys())
compressed = pytest.mark.parametrize("compress", COMPRESSED.values(), ids=COMPRESSED.keys())


@contextmanager
def source(data: bytes, offset: int = 0, size: int | None = None) -> Iterator[Source]:
    fd = os.memfd_create("source")
    try:
        os.write(fd, data)
        yield Source(fd, offset, size)
    finally:
        os.close(fd)


def read_all(opened: Source) -> bytes:
    pieces = []
    while piece := opened.read():
        assert len(piece) <= CHUNK
        pieces.append(piece)
    assert opened.read() == b""
    return b"".join(pieces)


@parametrize
def test_content_comes_back_with_both_digests(name: str, compress: Compress) -> None:
    content = os.urandom(1000) * 2000
    data = compress(content)
    with source(data) as opened:
        assert opened.compression == name
        assert read_all(opened) == content
        assert opened.diff_id == Digest.of(content)
        assert opened.digest == Digest.of(data)
        assert opened.unpacked == len(content)


@parametrize
def test_a_range_of_a_file_is_read_alone(name: str, compress: Compress) -> None:
    data = compress(b"inside")
    with source(b"before" + data + b"behind", 6, len(data)) as opened:
        assert (opened.compression, read_all(opened)) == (name, b"inside")


@compressed
def test_members_joined_end_to_end_are_one_stream(compress: Compress) -> None:
    with source(compress(b"one") + compress(b"two") + bytes(700)) as opened:
        assert read_all(opened) == b"onetwo"


@compressed
def test_a_few_bytes_that_stand_for_many_come_in_pieces(compress: Compress) -> None:
    with source(compress(bytes(20 << 20))) as opened:
        assert len(read_all(opened)) == 20 << 20


@compressed
@pytest.mark.parametrize("cut", [1, 8, 20])
def test_a_stream_that_is_cut_is_refused(compress: Compress, cut: int) -> None:
    data = compress(os.urandom(3000))
    with source(data[:-cut]) as opened, pytest.raises(BadCompression):
        read_all(opened)


@compressed
def test_a_stream_with_a_tail_of_garbage_is_refused(compress: Compress) -> None:
    with source(compress(b"content") + b"garbage" * 10) as opened, pytest.raises(BadCompression):
        read_all(opened)


@compressed
def test_a_changed_byte_is_noticed(compress: Compress) -> None:
    data = bytearray(compress(os.urandom(5000)))
    data[len(data) // 2] ^= 0x55
    with source(bytes(data)) as opened:
        try:
            found = read_all(opened)
        except BadCompression:
            return
        # zstd's frames may carry no checksum: the digest of the content is what counts then.
        assert opened.diff_id == Digest.of(found)
        assert opened.compression == "zstd"


def test_a_zstd_window_that_would_take_too_much_memory_is_refused() -> None:
    options: dict[int, int] = {zstd.CompressionParameter.window_log: 30}
    huge = zstd.ZstdCompressor(options=options)
    data = huge.compress(os.urandom(1000)) + huge.flush()
    with source(data) as opened, pytest.raises(BadCompression):
        read_all(opened)


def test_a_skippable_frame_counts_as_zstd() -> None:
    data = b"\x50\x2a\x4d\x18\x03\0\0\0abc" + zstd.compress(b"content")
    with source(data) as opened:
        assert (opened.compression, read_all(opened)) == ("zstd", b"content")


def test_nothing_is_nothing() -> None:
    with source(b"") as opened:
        assert (opened.compression, read_all(opened)) == ("none", b"")


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(COMPRESSED)), st.binary(max_size=300), st.integers(0, 200))
def test_any_bytes_are_read_or_refused(name: str, noise: bytes, at: int) -> None:
    data = bytearray(FORMATS[name](b"content" * 20))
    data[at : at + len(noise)] = noise
    with source(bytes(data)) as opened:
        try:
            read_all(opened)
        except BadCompression:
            assert detect(bytes(data)) != "none"
