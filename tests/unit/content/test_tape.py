"""Tapes that pour what is on them into a file."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from content_kit import Member, tar
from wharf.content.tar.reader import Reader
from wharf.content.tar.tape import FileTape, Truncated


@pytest.fixture
def files(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """A file of a megabyte to read, and an empty one to write."""
    (tmp_path / "source").write_bytes(bytes(range(256)) * 4096)
    source = os.open(tmp_path / "source", os.O_RDONLY)
    target = os.open(tmp_path / "target", os.O_RDWR | os.O_CREAT)
    yield source, target
    os.close(source)
    os.close(target)


def test_what_is_buffered_comes_before_what_is_not(files: tuple[int, int]) -> None:
    source, target = files
    tape = FileTape(source)
    assert tape.take(3) == b"\0\1\2"
    tape.pour(900_000, target)
    assert os.pread(target, 1 << 20, 0) == os.pread(source, 900_000, 3)
    assert tape.offset == 900_003
    assert tape.take(2) == os.pread(source, 2, 900_003)


def test_a_tape_that_ends_too_early_says_so(files: tuple[int, int]) -> None:
    source, target = files
    with pytest.raises(Truncated):
        FileTape(source, 10, 600_000).pour(600_001, target)


def test_the_next_entry_is_found_behind_content_that_was_poured(tmp_path: Path) -> None:
    (tmp_path / "tar").write_bytes(tar([Member("a", b"x" * 700_001), Member("b", b"yz")]))
    source = os.open(tmp_path / "tar", os.O_RDONLY)
    target = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT)
    tape = FileTape(source)
    reader = Reader(tape)
    found = []
    for entry in reader:
        found.append(entry.name)
        tape.pour(reader.take_content(), target)
    os.close(source)
    os.close(target)
    assert found == [b"a", b"b"]
    assert (tmp_path / "out").read_bytes() == b"x" * 700_001 + b"yz"
