"""The tar writer: what it writes, Python's tarfile and our own reader understand."""

import io
import tarfile

from hypothesis import given
from hypothesis import strategies as st

from wharf.content.tar import header as kinds
from wharf.content.tar.reader import Entry, Reader
from wharf.content.tar.tape import Tape
from wharf.content.tar.writer import END, entry

names = st.binary(min_size=1, max_size=300).filter(lambda name: b"\0" not in name and not name.endswith(b"/"))


def test_a_plain_entry_is_one_ustar_block() -> None:
    assert len(entry(b"a", size=5)) == 512


def test_pythons_tarfile_reads_an_entry_with_everything() -> None:
    data = entry(
        "ü".encode() * 80,
        mode=0o4755,
        uid=3_000_000,
        gid=7,
        mtime=1_500_000_000,
        xattrs={b"user.k": b"v"},
    )
    with tarfile.open(fileobj=io.BytesIO(data + END)) as archive:
        (member,) = archive.getmembers()
    assert (member.name, member.mode, member.uid, member.gid) == ("ü" * 80, 0o4755, 3_000_000, 7)
    assert member.mtime == 1.5
    assert member.pax_headers["SCHILY.xattr.user.k"] == "v"


@given(names, st.integers(0, 0o7777), st.integers(0, 2**32 - 2), st.integers(-(2**62), 2**62))
def test_a_link_reads_back_as_it_was_written(name: bytes, mode: int, uid: int, mtime: int) -> None:
    data = entry(name, kind=kinds.SYMLINK, mode=mode, uid=uid, gid=uid, mtime=mtime, link=name[::-1])
    found = first(data)
    assert (found.name, found.link) == (name, name[::-1])
    assert (found.mode, found.uid, found.gid, found.mtime) == (mode, uid, uid, mtime)


@given(st.integers(0, 2**62))
def test_a_size_reads_back_as_it_was_written(size: int) -> None:
    assert first(entry(b"a", size=size)).stored == size


def first(data: bytes) -> Entry:
    source = io.BytesIO(data)
    return next(iter(Reader(Tape(lambda: source.read(4096)))))
