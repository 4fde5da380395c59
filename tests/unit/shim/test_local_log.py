"""The `local` log: any bytes, in records that can be read from both ends."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from wharf.shim.log.lines import LINE
from wharf.shim.log.local import HEAD, TAIL, LocalFile


def records(path: Path) -> Iterator[tuple[int, int, bytes]]:
    data = path.read_bytes()
    at = 0
    while at < len(data):
        size, moment, stream = HEAD.unpack_from(data, at)
        end = at + TAIL.size + size
        assert TAIL.unpack_from(data, end) == (size,)
        yield moment, stream, data[at + HEAD.size : end]
        at = end + TAIL.size


def open_log(path: Path, *, max_size: int = 0, max_file: int = 1) -> LocalFile:
    return LocalFile(str(path), max_size=max_size, max_file=max_file, compress=False)


def test_bytes_are_kept_as_they_came(tmp_path: Path) -> None:
    path, every = tmp_path / "log", bytes(range(256))
    log = open_log(path)
    log.write(1, every + b"\n", 7)
    log.write(2, b"unended", 8)
    log.close()
    first, second = records(path)
    assert first == (7, 1, every + b"\n")
    assert second[1:] == (2, b"unended")


def test_a_long_line_is_cut_and_its_pieces_carry_the_first_time(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log")
    log.write(1, b"x" * LINE + b"y", 1)
    log.write(1, b"z\n", 2)
    log.close()
    assert list(records(tmp_path / "log")) == [(1, 1, b"x" * LINE), (1, 1, b"yz\n")]


def test_no_more_is_kept_than_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = open_log(path, max_size=1000, max_file=3)
    for number in range(200):
        log.write(1, b"line %d\n" % number)
    log.close()
    files = [f"{path}.2", f"{path}.1", str(path)]
    assert sorted(os.listdir(tmp_path)) == ["log", "log.1", "log.2"]
    texts = [text for file in files for _, _, text in records(Path(file))]
    assert texts == [b"line %d\n" % number for number in range(200 - len(texts), 200)]
    assert all(os.stat(file).st_size < 1040 for file in files)


@pytest.mark.parametrize("missing", [1, 4, 9, 12, 17])
def test_half_a_record_left_by_a_power_cut_is_cut_off(tmp_path: Path, missing: int) -> None:
    path = tmp_path / "log"
    log = open_log(path)
    for text in (b"one\n", b"two\n"):
        log.write(1, text)
    log.close()
    os.truncate(path, path.stat().st_size - missing)
    log = open_log(path)
    log.write(1, b"three\n")
    log.close()
    assert [text for _, _, text in records(path)] == [b"one\n", b"three\n"]


def test_cutting_never_loses_a_byte(tmp_path: Path) -> None:
    output = b"".join(bytes([number % 251]) * (number % 90) + b"\n" for number in range(3000))
    for size in (1, 97, 5000):
        path = tmp_path / f"log{size}"
        log = open_log(path)
        for at in range(0, len(output), size):
            log.write(1, output[at : at + size])
        log.close()
        assert b"".join(text for _, _, text in records(path)) == output
