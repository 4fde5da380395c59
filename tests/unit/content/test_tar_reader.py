"""The tar reader: every dialect Python's tarfile writes reads back the same; nonsense is refused."""

import io
import struct
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from content_kit import Member, directory, hardlink, symlink, tar
from wharf.content.tar import header as kinds
from wharf.content.tar.header import BLOCK, BadArchive
from wharf.content.tar.reader import Entry, Reader
from wharf.content.tar.sparse import Extent
from wharf.content.tar.tape import Tape

FORMS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]


def tape(data: bytes, *, piece: int = 700) -> Tape:
    """Return a tape that gives `data` in small pieces."""
    source = io.BytesIO(data)
    return Tape(lambda: source.read(piece))


def read(data: bytes) -> list[tuple[Entry, bytes]]:
    reader = Reader(tape(data))
    return [(entry, b"".join(reader.content())) for entry in reader]


def patched(block: bytes, at: int, field: bytes) -> bytes:
    """Return a header with another field and a right checksum."""
    changed = bytearray(block)
    changed[at : at + len(field)] = field
    changed[148:156] = b" " * 8
    changed[148:156] = b"%06o\0 " % sum(changed)
    return bytes(changed)


@pytest.mark.parametrize("form", FORMS)
def test_a_file_reads_back_with_all_its_attributes(form: int) -> None:
    data = tar([Member("a/b", b"hello", mode=0o4751, uid=1000, gid=50, mtime=1234567890)], form=form)
    ((entry, content),) = read(data)
    assert (entry.name, entry.kind, content) == (b"a/b", kinds.REGULAR, b"hello")
    assert (entry.mode, entry.uid, entry.gid) == (0o4751, 1000, 50)
    assert entry.mtime == 1234567890_000000000


@pytest.mark.parametrize("form", FORMS)
def test_every_kind_of_member_keeps_its_kind(form: int) -> None:
    data = tar(
        [
            directory("d"),
            symlink("l", "../x"),
            hardlink("h", "a"),
            Member("c", kind=tarfile.CHRTYPE, device=(1, 3)),
            Member("b", kind=tarfile.BLKTYPE, device=(259, 70000)),
            Member("p", kind=tarfile.FIFOTYPE),
        ],
        form=form,
    )
    entries = [entry for entry, _ in read(data)]
    assert b"".join(entry.kind for entry in entries) == b"521346"
    assert [entry.link for entry in entries[1:3]] == [b"../x", b"a"]
    assert [(entry.major, entry.minor) for entry in entries[3:5]] == [(1, 3), (259, 70000)]


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_names_and_links_may_be_longer_than_a_header(form: int) -> None:
    name, link = "n/" * 200 + "x", "l/" * 300
    ((entry, _),) = read(tar([symlink(name, link)], form=form))
    assert (entry.name, entry.link) == (name.encode(), link.encode())


def test_a_ustar_prefix_is_joined() -> None:
    name = "p" * 120 + "/" + "n" * 90
    ((entry, _),) = read(tar([Member(name)], form=tarfile.USTAR_FORMAT))
    assert entry.name == name.encode()


def test_pax_gives_fractions_of_a_second_large_numbers_and_attributes() -> None:
    pax = {
        "mtime": "1.000000001",
        "uid": "3000000000",
        "SCHILY.xattr.user.k": "v=1\nw",
        "SCHILY.xattr.security.capability": "x",
    }
    ((entry, _),) = read(tar([Member("f", pax=pax)]))
    assert entry.mtime == 1_000000001
    assert entry.uid == 3_000_000_000
    assert entry.xattrs == {b"user.k": b"v=1\nw", b"security.capability": b"x"}


def test_a_negative_time_is_before_1970() -> None:
    ((entry, _),) = read(tar([Member("f", pax={"mtime": "-1.5"})]))
    assert entry.mtime == -1_500_000_000


def test_gnu_base_256_numbers_are_read() -> None:
    ((entry, _),) = read(tar([Member("f", uid=2**31, mtime=-5)], form=tarfile.GNU_FORMAT))
    assert (entry.uid, entry.mtime) == (2**31, -5_000_000_000)


def test_global_pax_records_hold_for_all_that_follow() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", pax_headers={"uid": "77"}) as archive:
        archive.addfile(tarfile.TarInfo("a"))
        archive.addfile(tarfile.TarInfo("b"))
    assert [entry.uid for entry, _ in read(buffer.getvalue())] == [77, 77]


def test_content_that_is_not_taken_is_passed_over() -> None:
    data = tar([Member("a", b"x" * 5000), Member("b", b"y")])
    assert [entry.name for entry in Reader(tape(data))] == [b"a", b"b"]


def test_an_archive_may_end_without_its_two_blocks() -> None:
    assert len(read(tar([Member("a", b"x")])[: 2 * BLOCK])) == 1


def test_nothing_is_read_after_the_end() -> None:
    assert read(tar([]) + tar([Member("a")])) == []


@pytest.mark.parametrize("cut", [1, 100, 511, 513, 1000])
def test_an_archive_that_is_cut_inside_of_something_is_refused(cut: int) -> None:
    with pytest.raises(BadArchive, match=r"^unexpected EOF$"):
        read(tar([Member("a", b"x" * 600)])[:cut])


@pytest.mark.parametrize(
    ("at", "field"),
    [
        (124, struct.pack(">BxxxQ", 0xFF, 2**64 - 1)),  # size -1
        (124, b"\x80" + b"\xff" * 11),  # more than 63 bits
        (124, b"-0000000001\0"),
        (124, b"0x000000010\0"),
        (124, b"00000_00001\0"),
        (108, b"\xff" * 8),  # uid -1
        (116, b"0000009\0"),
        (136, b"abcdefghijk\0"),
    ],
)
def test_impossible_numbers_are_refused(at: int, field: bytes) -> None:
    block = tar([Member("a")])[:BLOCK]
    with pytest.raises(BadArchive):
        read(patched(block, at, field))


def test_a_wrong_checksum_is_refused() -> None:
    with pytest.raises(BadArchive, match="checksum"):
        read(b"a" + tar([Member("x")])[1:])


@pytest.mark.parametrize(
    "body",
    [
        b"5 a=",
        b"99 a=b\n",
        b"0 a=b\n",
        b"a=b\n",
        b"-6 a=b\n",
        b"6 a=bX",
        b"4 a\n\n",
        b"6 =ab\n",
        b" 6 a=b\n",
        b"11 size=-1\n",
        b"12 size=1_0\n",
        b"10 uid=-1\n",
        b"13 mtime=now\n",
        b"29 size=99999999999999999999\n",
    ],
)
def test_malformed_pax_records_are_refused(body: bytes) -> None:
    with pytest.raises(BadArchive):
        read(pax_header(body) + tar([Member("a")]))


def pax_header(body: bytes) -> bytes:
    block = patched(tar([Member("PaxHeader", body)])[:BLOCK], 156, b"x")
    return block + body + bytes(-len(body) % BLOCK)


def test_an_empty_pax_value_takes_the_record_back() -> None:
    ((entry, _),) = read(pax_header(b"8 path=\n") + tar([Member("a")]))
    assert entry.name == b"a"


def test_an_extension_longer_than_its_limit_is_refused() -> None:
    limit = 1024 * 1024
    exact = b"%d a=" % limit + b"x" * (limit - len(b"%d a=" % limit) - 1) + b"\n"
    assert len(read(pax_header(exact) + tar([Member("a")]))) == 1
    with pytest.raises(BadArchive, match="too long"):
        read(pax_header(exact + b"6 a=b\n") + tar([Member("a")]))


def test_extensions_without_end_are_refused() -> None:
    with pytest.raises(BadArchive, match="too many extensions"):
        read(pax_header(b"6 a=b\n") * 50 + tar([Member("a")]))


def test_an_extension_of_nothing_is_refused() -> None:
    with pytest.raises(BadArchive, match="extension of nothing"):
        read(pax_header(b"6 a=b\n") + bytes(2 * BLOCK))


def test_a_nul_in_a_name_is_refused() -> None:
    with pytest.raises(BadArchive, match="NUL"):
        read(pax_header(b"12 path=a\0b\n") + tar([Member("a")]))


def test_a_tail_of_slashes_makes_an_old_file_a_directory() -> None:
    block = patched(tar([Member("d/x")])[:BLOCK], 0, b"d/\0\0")
    ((entry, _),) = read(patched(block, 156, b"\0"))
    assert entry.kind == kinds.DIRECTORY


def old_sparse(extents: list[tuple[int, int]], real: int, data: bytes) -> bytes:
    """Return an old GNU sparse member; up to four extents are in its header, the rest in more blocks."""
    base = tar([Member("s", data)], form=tarfile.GNU_FORMAT)[:BLOCK]
    numbers = [b"%011o\0" % number for pair in extents for number in pair]
    block = patched(base, 156, b"S")
    block = patched(block, 386, b"".join(numbers[:8]).ljust(96, b"\0"))
    block = patched(block, 482, b"\1" if numbers[8:] else b"\0")
    block = patched(block, 483, b"%011o\0" % real)
    more = b"".join(numbers[8:]).ljust(BLOCK, b"\0") if numbers[8:] else b""
    return block + more + data + bytes(-len(data) % BLOCK) + bytes(1024)


def test_an_old_gnu_sparse_file_is_read() -> None:
    ((entry, content),) = read(old_sparse([(0, 3), (1000, 2)], 2000, b"abcde"))
    assert entry.sparse is not None
    assert (entry.size, content) == (2000, b"abcde")
    assert entry.sparse.extents == (Extent(0, 3), Extent(1000, 2))


def test_an_old_gnu_sparse_map_may_go_on_in_more_blocks() -> None:
    extents = [(n * 10, 1) for n in range(9)]
    ((entry, content),) = read(old_sparse(extents, 100, b"x" * 9))
    assert entry.sparse is not None
    assert len(entry.sparse.extents) == 9
    assert content == b"x" * 9


@pytest.mark.parametrize(
    ("extents", "real", "data"),
    [
        ([(0, 3), (2, 2)], 100, b"abcde"),
        ([(10, 3), (0, 2)], 100, b"abcde"),
        ([(99, 2)], 100, b"ab"),
        ([(0, 3)], 100, b"ab"),
        ([(0, 1)], 100, b"ab"),
    ],
    ids=["overlap", "backwards", "beyond the end", "more than stored", "less than stored"],
)
def test_impossible_sparse_maps_are_refused(extents: list[tuple[int, int]], real: int, data: bytes) -> None:
    with pytest.raises(BadArchive, match="sparse"):
        read(old_sparse(extents, real, data))


PAX_SPARSE = {
    "0.1": ({"GNU.sparse.size": "100", "GNU.sparse.numblocks": "2", "GNU.sparse.map": "0,2,50,1"}, b""),
    "1.0": (
        {
            "GNU.sparse.major": "1",
            "GNU.sparse.minor": "0",
            "GNU.sparse.name": "real",
            "GNU.sparse.realsize": "100",
        },
        b"2\n0\n2\n50\n1\n".ljust(BLOCK, b"\0"),
    ),
}


@pytest.mark.parametrize(("pax", "leading"), PAX_SPARSE.values(), ids=PAX_SPARSE.keys())
def test_pax_sparse_files_are_read(pax: dict[str, str], leading: bytes) -> None:
    ((entry, content),) = read(tar([Member("f", leading + b"abc", pax=pax)]))
    assert entry.sparse is not None
    assert entry.sparse.extents == (Extent(0, 2), Extent(50, 1))
    assert (entry.size, content) == (100, b"abc")


def test_pax_sparse_00_is_read_from_repeated_records() -> None:
    body = b"".join(
        [
            b"22 GNU.sparse.size=99\n",
            b"23 GNU.sparse.offset=0\n",
            b"25 GNU.sparse.numbytes=2\n",
            b"24 GNU.sparse.offset=50\n",
            b"25 GNU.sparse.numbytes=1\n",
        ]
    )
    ((entry, _),) = read(pax_header(body) + tar([Member("f", b"abc")]))
    assert entry.sparse is not None
    assert entry.sparse.extents == (Extent(0, 2), Extent(50, 1))


def test_a_sparse_map_that_never_ends_is_refused() -> None:
    pax, _ = PAX_SPARSE["1.0"]
    with pytest.raises(BadArchive, match="sparse"):
        read(tar([Member("f", b"9\n" + b"0\n" * 600, pax=pax)]))


names = st.text(
    st.characters(blacklist_characters="\0/", blacklist_categories=["Cs"]), min_size=1, max_size=200
)
members = st.builds(
    Member,
    name=names,
    data=st.binary(max_size=1500),
    mode=st.integers(0, 0o7777),
    uid=st.integers(0, 2**32 - 2),
    gid=st.integers(0, 2**32 - 2),
    mtime=st.integers(0, 2**34),
    kind=st.just(tarfile.REGTYPE),
    link=st.just(""),
    device=st.just((0, 0)),
    pax=st.just({}),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(members, max_size=5), st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
def test_whatever_tarfile_writes_reads_back_equal(written: list[Member], form: int) -> None:
    found = read(tar(written, form=form))
    assert [
        (entry.name.decode(), content, entry.mode, entry.uid, entry.gid, entry.mtime // 10**9)
        for entry, content in found
    ] == [(m.name, m.data, m.mode, m.uid, m.gid, m.mtime) for m in written]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=3000), st.integers(0, 2500))
def test_changed_bytes_are_read_or_refused(noise: bytes, at: int) -> None:
    data = bytearray(
        tar([Member("a" * 150, b"x" * 700, pax={"SCHILY.xattr.user.a": "b"}), symlink("l", "t")])
    )
    data[at : at + len(noise)] = noise
    try:
        read(bytes(data))
    except BadArchive:
        return


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_headers_with_a_right_checksum_and_any_field_are_read_or_refused(data: st.DataObject) -> None:
    block = tar([Member("a", b"hello")])[:BLOCK]
    at = data.draw(st.sampled_from([0, 100, 108, 116, 124, 136, 156, 157, 257, 329, 345, 386, 482]))
    changed = patched(block, at, data.draw(st.binary(min_size=1, max_size=min(155, BLOCK - at))))
    try:
        read(patched(changed, 0, b"a") + b"hello" + bytes(507))
    except BadArchive:
        return
