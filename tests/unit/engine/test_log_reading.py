"""Reading logs of both formats: whole, from the tail, over rotated and compressed files, and as they grow."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from wharf.engine.logs import entries as entries_module
from wharf.engine.logs.entries import DECODERS, Run
from wharf.engine.logs.files import open_all
from wharf.engine.logs.read_job import Reader
from wharf.engine.logs.view import View
from wharf.shim.log.jsonfile import LINE, JsonFile
from wharf.shim.log.local import LocalFile
from wharf.shim.log.writer import LogWriter

MOMENT = 1_700_000_000_000_000_000

Open = Callable[..., LogWriter]


@pytest.fixture(params=["json-file", "local"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log"


def writer(
    kind: str, path: Path, *, max_size: int = 0, max_file: int = 1, compress: bool = False
) -> LogWriter:
    make: Open = LocalFile if kind == "local" else JsonFile
    return make(str(path), max_size=max_size, max_file=max_file, compress=compress)


def fill(log: LogWriter, first: int, last: int) -> None:
    for number in range(first, last + 1):
        log.write(1, b"line %d\n" % number, MOMENT + number)


def reader(kind: str, path: Path) -> Reader:
    return Reader(str(path), DECODERS[kind])


def past(kind: str, path: Path, tail: int = -1) -> list[bytes]:
    return [text for batch in reader(kind, path).past(tail) for run in batch for text in run.texts]


def lines(first: int, last: int) -> list[bytes]:
    return [b"line %d\n" % number for number in range(first, last + 1)]


@pytest.mark.parametrize(("tail", "first"), [(-1, 1), (3, 8), (10, 1), (99, 1), (0, 11)])
def test_the_tail_begins_where_it_was_asked_to(kind: str, path: Path, tail: int, first: int) -> None:
    log = writer(kind, path)
    fill(log, 1, 10)
    log.close()
    assert past(kind, path, tail) == lines(first, 10)


@pytest.mark.parametrize("tail", [1, 2, 5, 6])
def test_the_tail_may_begin_in_the_middle_of_what_was_read_at_once(kind: str, path: Path, tail: int) -> None:
    log = writer(kind, path)
    log.write(1, b"a\nb\nc\n")
    log.write(2, b"d\ne\nf")
    log.close()
    assert past(kind, path, tail) == [b"a\n", b"b\n", b"c\n", b"d\n", b"e\n", b"f"][-tail:]


def test_a_log_that_is_missing_is_empty(kind: str, path: Path) -> None:
    assert past(kind, path) == []
    assert past(kind, path, 5) == []


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("tail", [-1, 1, 37, 100])
def test_rotated_and_compressed_files_are_read_as_one_log(
    kind: str, path: Path, tail: int, *, compress: bool
) -> None:
    log = writer(kind, path, max_size=700, max_file=20, compress=compress)
    fill(log, 1, 100)
    log.close()
    assert len(open_all(str(path))) > 2
    assert past(kind, path, tail) == lines(101 - tail if tail > 0 else 1, 100)


def test_a_log_of_dockers_own_is_read(path: Path) -> None:
    """Older files are gzip without our header field; keys may stand in any order."""
    text = '{"log":"one\\n","stream":"stderr","attrs":{"b":"2","a":"<"},"time":"2026-01-02T03:04:05.1Z"}\n'
    Path(f"{path}.1.gz").write_bytes(gzip.compress(text.encode()))
    path.write_text('{"time": "2026-01-02T03:04:06Z", "stream": "stdout", "log": "tw\\u003co\\n"}\n')
    found = [run for batch in reader("json-file", path).past(-1) for run in batch]
    assert found[0] == Run(2, b"2026-01-02T03:04:05.1", [b"one\n"], b'{"b":"2","a":"<"}')
    assert found[1] == Run(1, b"2026-01-02T03:04:06", [b"tw<o\n"])


def test_any_bytes_come_back_as_docker_shows_them(kind: str, path: Path) -> None:
    written = bytes(range(256)) + '"\\\u2028\U0001f40b","stream":"stdout"'.encode() + b"\n"
    log = writer(kind, path)
    log.write(1, written)
    log.close()
    shown = b"".join(past(kind, path))
    assert shown == (written if kind == "local" else written.decode("utf-8", "replace").encode())


def test_lines_read_at_once_come_back_in_order_whatever_is_in_them(kind: str, path: Path) -> None:
    """Entries of one moment are decoded together; one that differs in its ending stands among them."""
    log = writer(kind, path)
    log.write(1, b'plain\n"quoted"\n\\n\nlast\n', MOMENT)
    log.write(2, b"other\n", MOMENT)
    log.write(1, b"again\n\n", MOMENT)
    log.close()
    expected = [b"plain\n", b'"quoted"\n', b"\\n\n", b"last\n", b"other\n", b"again\n", b"\n"]
    assert past(kind, path) == expected


def test_pieces_of_a_long_line_join_to_it(kind: str, path: Path) -> None:
    log = writer(kind, path)
    log.write(1, b"x" * (3 * LINE) + b"\\\ny\n")
    log.close()
    assert past(kind, path) == [b"x" * LINE] * 3 + [b"\\\n", b"y\n"]


def test_an_entry_longer_than_a_read_is_whole(kind: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wharf.engine.logs.read_job._CHUNK", 50)
    monkeypatch.setattr(entries_module, "_BLOCK", 64)
    log = writer(kind, path)
    for number in range(5):
        log.write(1, b"%d" % number * 300 + b"\n")
    log.close()
    assert past(kind, path) == [b"%d" % number * 300 + b"\n" for number in range(5)]
    assert past(kind, path, 2) == [b"3" * 300 + b"\n", b"4" * 300 + b"\n"]


@pytest.mark.parametrize(
    "broken", [b'{"log":"11\n', b"{}\n", b"[]\n", b'{"log":"\\q\\n","stream":"stdout","x\n']
)
def test_a_line_that_is_broken_hides_no_other(path: Path, broken: bytes) -> None:
    log = writer("json-file", path)
    fill(log, 1, 1)
    log.close()
    whole = path.read_bytes()
    path.write_bytes(whole + broken + whole)
    assert [text for text in past("json-file", path) if text] == lines(1, 1) * 2


@pytest.mark.parametrize(
    "broken", [b"\0" * 30, b"\xff" * 30, b"\0\0\0\x09" + b"x" * 9 + b"\0\0\0\x08", b"\0"]
)
def test_nonsense_in_a_binary_log_ends_it_and_nothing_worse(path: Path, broken: bytes) -> None:
    log = writer("local", path)
    fill(log, 1, 3)
    log.close()
    path.write_bytes(path.read_bytes() + broken)
    assert past("local", path)[:3] == lines(1, 3)
    assert len(past("local", path, 2)) <= 2


@pytest.mark.parametrize("compress", [False, True])
def test_what_is_added_is_followed_across_any_number_of_rotations(
    kind: str, path: Path, *, compress: bool
) -> None:
    log = writer(kind, path, max_size=300, max_file=50, compress=compress)
    fill(log, 1, 10)
    following = reader(kind, path)
    found = [text for batch in following.past(4) for run in batch for text in run.texts]
    for first in range(11, 200, 21):
        fill(log, first, first + 20)
        found += [text for batch in following.new() for run in batch for text in run.texts]
    log.close()
    found += [text for batch in following.new() for run in batch for text in run.texts]
    assert found == lines(7, 199)


def test_a_log_of_one_file_is_followed_to_its_end_before_it_starts_anew(kind: str, path: Path) -> None:
    log = writer(kind, path, max_size=300)
    fill(log, 1, 1)
    following = reader(kind, path)
    found = [text for batch in following.past(-1) for run in batch for text in run.texts]
    for number in range(2, 50):
        fill(log, number, number)
        found += [text for batch in following.new() for run in batch for text in run.texts]
    log.close()
    assert found == lines(1, 49)


def test_a_file_that_somebody_empties_is_read_from_its_start(kind: str, path: Path) -> None:
    log = writer(kind, path)
    fill(log, 1, 5)
    following = reader(kind, path)
    assert len([text for batch in following.past(-1) for run in batch for text in run.texts]) == 5
    path.write_bytes(b"")
    fill(log, 6, 6)
    assert [text for batch in following.new() for run in batch for text in run.texts] == lines(6, 6)
    log.close()


ALL = View(stdout=True, stderr=True, since="", until="", timestamps=False, details=False, framed=True)
TWO = [
    Run(1, b"2026-01-02T03:04:05.1", [b"one\n"]),
    Run(2, b"2026-01-02T03:04:05.12", [b"two\n"], json.dumps({"x,y": "z&=~", "a": "b c"}).encode()),
]


def test_every_entry_is_a_frame_of_its_own() -> None:
    assert ALL.render(TWO) == b"\1\0\0\0\0\0\0\4one\n\2\0\0\0\0\0\0\4two\n"
    assert ALL._replace(framed=False).render(TWO) == b"one\ntwo\n"


def test_streams_are_chosen() -> None:
    raw = ALL._replace(framed=False)
    assert raw._replace(stderr=False).render(TWO) == b"one\n"
    assert raw._replace(stdout=False).render(TWO) == b"two\n"


@pytest.mark.parametrize(
    ("since", "until", "shown"),
    [
        ("2026-01-02T03:04:05.1", "", b"one\ntwo\n"),
        ("2026-01-02T03:04:05.100000001", "", b"two\n"),
        ("", "2026-01-02T03:04:05.119", b"one\n"),
        ("2026-01-02T03:04:05", "2026-01-02T03:04:05.12", b"one\ntwo\n"),
        ("2026-01-02T03:04:06", "", b""),
    ],
)
def test_the_bounds_of_time_belong_to_what_is_shown(since: str, until: str, shown: bytes) -> None:
    assert ALL._replace(framed=False, since=since, until=until).render(TWO) == shown


def test_stamps_and_details_stand_before_the_text() -> None:
    shown = ALL._replace(framed=False, timestamps=True, details=True).render(TWO).splitlines()
    assert shown[0] == b"2026-01-02T03:04:05.100000000Z  one"
    assert shown[1] == b"2026-01-02T03:04:05.120000000Z a=b+c,x%2Cy=z%26%3D~ two"
