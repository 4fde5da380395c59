"""The json-file log against what Docker wrote, and against a plain reading of its rules."""

import errno
import gzip
import json
import os
import re
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shim_kit import children
from wharf import failpoint
from wharf.shim.log.jsonfile import LINE, JsonFile

REFERENCE = Path(__file__).parent / "reference"
TIME = re.compile(rb'"time":"[^"]*"')

Make = Callable[..., JsonFile]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "c-json.log"


@pytest.fixture(autouse=True)
def no_failpoints() -> Iterator[None]:
    yield
    failpoint.arm("")


def timeless(log: bytes) -> bytes:
    return TIME.sub(b'"time":""', log)


def entries(path: Path) -> list[tuple[str, str]]:
    """Return the log's texts with their streams."""
    lines = path.read_bytes().splitlines()
    return [(entry["stream"], entry["log"]) for entry in map(json.loads, lines)]


def write(path: Path, *chunks: bytes, max_size: int = 0, max_file: int = 1) -> None:
    log = JsonFile(str(path), max_size=max_size, max_file=max_file)
    for chunk in chunks:
        log.write(1, chunk)
    log.close()


@pytest.mark.parametrize("size", [1, 7, 4096, 16383, 16384, 65536, 1 << 20])
def test_the_log_is_what_docker_wrote_however_the_output_was_read(path: Path, size: int) -> None:
    output = (REFERENCE / "output.bin").read_bytes()
    write(path, *(output[at : at + size] for at in range(0, len(output), size)))
    assert timeless(path.read_bytes()) == timeless((REFERENCE / "json-file.log").read_bytes())


@pytest.mark.parametrize(
    ("length", "pieces"),
    [
        (LINE - 1, ["x" * (LINE - 1) + "\n"]),
        (LINE, ["x" * LINE, "\n"]),
        (LINE + 1, ["x" * LINE, "x\n"]),
        (2 * LINE, ["x" * LINE, "x" * LINE, "\n"]),
    ],
)
def test_a_line_is_cut_at_16_kib(path: Path, length: int, pieces: list[str]) -> None:
    write(path, b"before\n" + b"x" * length + b"\nafter\n")
    assert [text for _, text in entries(path)] == ["before\n", *pieces, "after\n"]


@pytest.mark.parametrize("length", [1, LINE - 1, LINE, LINE + 1])
def test_an_unended_line_is_kept_without_its_newline(path: Path, length: int) -> None:
    write(path, b"x" * length)
    assert "".join(text for _, text in entries(path)) == "x" * length


def test_an_unended_line_waits_for_its_end(path: Path) -> None:
    log = JsonFile(str(path))
    log.write(1, b"half ")
    assert path.read_bytes() == b""
    log.write(1, b"and half\n")
    assert entries(path) == [("stdout", "half and half\n")]
    log.close()


def test_streams_do_not_mix_their_unended_lines(path: Path) -> None:
    log = JsonFile(str(path))
    log.write(1, b"out ")
    log.write(2, b"err ")
    log.write(1, b"one\n")
    log.write(2, b"two\n")
    log.close()
    assert entries(path) == [("stdout", "out one\n"), ("stderr", "err two\n")]


def test_the_pieces_of_a_line_carry_the_time_of_the_first(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter(range(1_700_000_000_000_000_001, 1_700_000_000_000_000_100))
    monkeypatch.setattr("time.time_ns", lambda: next(moments))
    write(path, b"x" * LINE, b"x" * LINE, b"x\n", b"next\n")
    times = [json.loads(line)["time"] for line in path.read_bytes().splitlines()]
    assert times[0] == times[1] == times[2] == "2023-11-14T22:13:20.000000001Z"
    assert times[3] > times[2]


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (1_700_000_000_123_456_789, "2023-11-14T22:13:20.123456789Z"),
        (1_700_000_000_120_000_000, "2023-11-14T22:13:20.12Z"),
        (1_700_000_000_000_000_000, "2023-11-14T22:13:20Z"),
    ],
)
def test_times_lose_their_trailing_zeros_as_gos_do(
    path: Path, monkeypatch: pytest.MonkeyPatch, moment: int, text: str
) -> None:
    monkeypatch.setattr("time.time_ns", lambda: moment)
    write(path, b"x\n")
    assert path.read_bytes() == f'{{"log":"x\\n","stream":"stdout","time":"{text}"}}\n'.encode()


def plainly(data: bytes) -> list[bytes]:
    """Return the pieces of a stream by Docker's rule, byte by byte."""
    pieces, line = [], b""
    for byte in data:
        if byte == 0x0A:
            pieces.append(line + b"\n")
            line = b""
        else:
            line += bytes((byte,))
            if len(line) == LINE:
                pieces.append(line)
                line = b""
    return [*pieces, line] if line else pieces


def go_text(piece: bytes) -> str:
    """Return what a JSON reader gets of a piece: bad bytes replaced one by one, as Go does."""
    text = piece.decode("utf-8", "surrogateescape")
    return "".join("�" if 0xDC80 <= ord(char) <= 0xDCFF else char for char in text)


TEXT = st.lists(
    st.one_of(
        st.sampled_from(
            [b"\n", b"\\", b'"', b"<&>", b"\0\r\t\x1b\x7f", "é\u2028😀".encode(), b"\xe2\x80", b"\xff"]
        ),
        st.binary(max_size=20),
        st.integers(min_value=LINE - 2, max_value=LINE + 2).map(lambda size: b"y" * size),
    ),
    max_size=12,
).map(b"".join)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=TEXT, cuts=st.lists(st.integers(min_value=1, max_value=20_000), max_size=8))
def test_any_output_read_in_any_pieces_is_logged_by_the_rule(
    tmp_path: Path, data: bytes, cuts: list[int]
) -> None:
    path = tmp_path / "log"
    path.unlink(missing_ok=True)
    chunks, rest = [], data
    for cut in cuts:
        chunks.append(rest[:cut])
        rest = rest[cut:]
    write(path, *(chunk for chunk in [*chunks, rest] if chunk))
    assert [text for _, text in entries(path)] == [go_text(piece) for piece in plainly(data)]


def test_rotation_keeps_entries_whole_and_in_order(path: Path) -> None:
    lines = b"".join(b"line %d\n" % number for number in range(100))
    write(path, lines, max_size=1000, max_file=20)
    files = [path, *(path.with_name(f"{path.name}.{number}") for number in range(1, 20))]
    there = [file for file in files if file.exists()]
    assert len(there) > 5
    assert all(file.stat().st_size >= 1000 for file in there[1:])
    assert all(file.stat().st_size < 1000 + 100 for file in there)
    texts = [text for file in reversed(there) for _, text in entries(file)]
    assert texts == [f"line {number}\n" for number in range(100)]


def test_no_more_files_are_kept_than_asked_for(path: Path) -> None:
    write(path, b"".join(b"line %d\n" % number for number in range(200)), max_size=500, max_file=3)
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "c-json.log",
        "c-json.log.1",
        "c-json.log.2",
    ]
    assert entries(path)[-1] == ("stdout", "line 199\n")


def test_with_one_file_rotation_starts_it_anew(path: Path) -> None:
    write(path, b"".join(b"line %d\n" % number for number in range(200)), max_size=500)
    assert [file.name for file in path.parent.iterdir()] == ["c-json.log"]
    assert path.stat().st_size < 600
    assert entries(path)[-1] == ("stdout", "line 199\n")


@pytest.mark.parametrize("extra", [0, 1])
def test_a_file_at_its_limit_is_rotated_by_the_next_entry(path: Path, extra: int) -> None:
    write(path, b"first\n")
    size = path.stat().st_size
    write(path, b"second\n", max_size=size + extra, max_file=2)
    assert path.with_name("c-json.log.1").exists() == (extra == 0)


def test_a_restarted_container_goes_on_in_the_same_file(path: Path) -> None:
    write(path, b"one\n")
    write(path, b"two\n")
    assert [text for _, text in entries(path)] == ["one\n", "two\n"]
    assert path.stat().st_mode & 0o777 == 0o640


def test_half_an_entry_left_by_a_power_cut_is_cut_off(path: Path) -> None:
    write(path, b"one\n", b"two\n")
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    write(path, b"three\n")
    assert [text for _, text in entries(path)] == ["one\n", "three\n"]


def test_a_link_in_the_place_of_the_log_is_not_followed(path: Path) -> None:
    path.symlink_to("elsewhere")
    with pytest.raises(OSError, match="symbolic") as caught:
        JsonFile(str(path))
    assert caught.value.errno == errno.ELOOP


def test_a_full_disk_loses_output_and_nothing_else(path: Path) -> None:
    log = JsonFile(str(path))
    log.write(1, b"one\n")
    failpoint.arm(f"shim.log=error:{errno.ENOSPC}@1")
    log.write(1, b"two\n")
    log.write(1, b"three\n")
    log.close()
    assert log.lost == 1
    assert [text for _, text in entries(path)] == ["one\n", "three\n"]


def test_what_a_full_disk_took_of_an_entry_is_cut_off(path: Path) -> None:
    log = JsonFile(str(path))
    log.write(1, b"one\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10, hard))
    try:
        log.write(1, b"two\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    log.write(1, b"three\n")
    log.close()
    assert log.lost == 1
    assert [text for _, text in entries(path)] == ["one\n", "three\n"]


def test_one_read_is_one_write(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    writev = os.writev

    def counted(fd: int, parts: list[bytes]) -> int:
        sizes.append(writev(fd, parts))
        return sizes[-1]

    monkeypatch.setattr("os.writev", counted)
    write(path, b"y\n" * 32768)
    assert len(sizes) == 1
    assert len(entries(path)) == 32768


def test_every_entry_carries_what_the_log_was_told_to(path: Path) -> None:
    log = JsonFile(str(path), attrs='{"a":"b\\u003c"}')
    log.write(2, b"text\nmore\n")
    log.close()
    lines = timeless(path.read_bytes()).splitlines()
    assert lines[0] == rb'{"log":"text\n","stream":"stderr","attrs":{"a":"b\u003c"},"time":""}'
    assert lines[1].startswith(rb'{"log":"more\n","stream":"stderr","attrs"')


def test_rotated_files_are_compressed_and_nothing_else_is_left(path: Path) -> None:
    log = JsonFile(str(path), max_size=400, max_file=3, compress=True)
    sizes = []
    for number in range(20):
        log.write(1, b"line %d\n" % number)
        sizes.append(path.stat().st_ino)
    log.close()
    assert children() == []
    names = sorted(file.name for file in path.parent.iterdir())
    assert names == ["c-json.log", "c-json.log.1.gz", "c-json.log.2.gz"]
    texts = b"".join(gzip.decompress((path.parent / name).read_bytes()) for name in reversed(names[1:]))
    kept = [json.loads(line)["log"] for line in (texts + path.read_bytes()).splitlines()]
    assert kept == [f"line {number}\n" for number in range(20 - len(kept), 20)]
    head = (path.parent / "c-json.log.1.gz").read_bytes()
    extra = json.loads(head[12 : 12 + int.from_bytes(head[10:12], "little")])
    assert extra["inode"] in sizes


def test_a_file_that_could_not_be_compressed_is_kept_as_it_is(path: Path) -> None:
    (path.parent / "c-json.log.1.gz.tmp").mkdir()  # so that it cannot be written
    log = JsonFile(str(path), max_size=100, max_file=2, compress=True)
    log.write(1, b"one\n" + b"x" * 100 + b"\ntwo\n")
    log.close()
    assert entries(path.with_name("c-json.log.1"))[0] == ("stdout", "one\n")


@pytest.mark.parametrize("max_file", [1, 3])
def test_a_rotation_that_fails_loses_nothing(path: Path, max_file: int) -> None:
    log = JsonFile(str(path), max_size=100, max_file=max_file)
    log.write(1, b"one\n" + b"x" * 100 + b"\n")
    failpoint.arm("shim.log.rotate=error:28")
    log.write(1, b"two\n")
    failpoint.arm("")
    assert [text for _, text in entries(path)][-1] == "two\n"
    log.write(1, b"three\n")
    log.close()
    assert entries(path) == [("stdout", "three\n")]
