"""Entries of the host's journal, in its native protocol."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from wharf.shim.log.journald import Journald
from wharf.shim.log.lines import LINE


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "journal"))
        sock.settimeout(20)
        yield sock


def parse(entry: bytes) -> dict[str, bytes]:
    fields: dict[str, bytes] = {}
    while entry:
        line, _, rest = entry.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            size = int.from_bytes(rest[:8], "little")
            value, rest = rest[8 : 8 + size], rest[8 + size + 1 :]
        fields[name.decode()] = value
        entry = rest
    return fields


def test_a_line_is_an_entry_with_the_containers_fields(tmp_path: Path, journal: socket.socket) -> None:
    log = Journald({"CONTAINER_NAME": "c", "LABEL": "two\nlines"}, str(tmp_path / "journal"))
    log.write(1, b"one\ntwo\n", 1_700_000_000_000_000_005)
    log.write(2, b"bad\n")
    log.close()
    one, two, bad = (parse(journal.recv(65536)) for _ in range(3))
    assert one["MESSAGE"] == b"one"
    assert one["CONTAINER_NAME"] == b"c"
    assert one["LABEL"] == b"two\nlines"
    assert one["PRIORITY"] == b"6"
    assert one["SYSLOG_TIMESTAMP"] == b"2023-11-14T22:13:20.000000005Z"
    assert (one["CONTAINER_LOG_ORDINAL"], two["CONTAINER_LOG_ORDINAL"]) == (b"1", b"2")
    assert (bad["MESSAGE"], bad["PRIORITY"]) == (b"bad", b"3")
    assert "CONTAINER_PARTIAL_ID" not in one


def test_the_pieces_of_a_long_line_tell_that_they_belong_together(
    tmp_path: Path, journal: socket.socket
) -> None:
    log = Journald({}, str(tmp_path / "journal"))
    log.write(1, b"x" * LINE + b"rest\n")
    log.close()
    first, last = (parse(journal.recv(65536)) for _ in range(2))
    assert first["CONTAINER_PARTIAL_MESSAGE"] == b"true"
    assert "CONTAINER_PARTIAL_MESSAGE" not in last
    assert first["CONTAINER_PARTIAL_ID"] == last["CONTAINER_PARTIAL_ID"]
    assert (first["CONTAINER_PARTIAL_ORDINAL"], last["CONTAINER_PARTIAL_ORDINAL"]) == (b"1", b"2")
    assert (first["CONTAINER_PARTIAL_LAST"], last["CONTAINER_PARTIAL_LAST"]) == (b"false", b"true")
    assert last["MESSAGE"] == b"rest"


def test_an_entry_too_long_for_a_packet_goes_as_a_file(tmp_path: Path, journal: socket.socket) -> None:
    log = Journald({"LABEL": "x" * 500_000}, str(tmp_path / "journal"))
    log.write(1, b"text\n")
    log.close()
    data, fds, _, _ = socket.recv_fds(journal, 65536, 1)
    assert data == b""
    with os.fdopen(fds[0], "rb") as file:
        fields = parse(os.pread(file.fileno(), 1_000_000, 0))
    assert fields["MESSAGE"] == b"text"
    assert len(fields["LABEL"]) == 500_000


def test_a_journal_that_is_away_costs_lines_and_nothing_else(tmp_path: Path) -> None:
    log = Journald({}, str(tmp_path / "nobody"))
    log.write(1, b"text\n")
    log.close()
