"""Reading logs: whole, from the tail, across rotations, and as they grow."""

import asyncio
import json
from pathlib import Path

import pytest

from wharf.aio.inotify import Watcher
from wharf.engine.logs.jsonfile import Entry, Reader


def line(text: str, stream: str = "stdout") -> str:
    return json.dumps({"log": text, "stream": stream, "time": "2026-01-02T03:04:05.000000006Z"}) + "\n"


def lines(first: int, last: int) -> str:
    return "".join(line(f"{n}\n") for n in range(first, last + 1))


def read(path: Path, tail: int | None) -> list[str]:
    reader = Reader(str(path), tail=tail)
    try:
        return [entry.log.strip() for batch in reader.batches() for entry in batch]
    finally:
        reader.close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "c-json.log"
    path.write_text(lines(1, 10))
    return path


@pytest.mark.parametrize(("tail", "first"), [(None, 1), (3, 8), (10, 1), (99, 1)])
def test_the_tail_begins_where_it_was_asked_to(log: Path, tail: int | None, first: int) -> None:
    assert read(log, tail) == [str(n) for n in range(first, 11)]


def test_a_tail_of_nothing_reads_nothing(log: Path) -> None:
    assert read(log, 0) == []


def test_a_log_that_is_missing_is_empty(tmp_path: Path) -> None:
    assert read(tmp_path / "none", None) == []


def test_rotated_files_come_first(log: Path) -> None:
    log.rename(f"{log}.1")
    log.write_text(lines(11, 12))
    assert read(log, None) == [str(n) for n in range(1, 13)]
    assert read(log, 3) == ["10", "11", "12"]


def test_a_line_that_a_crash_cut_short_hides_no_other(log: Path) -> None:
    with log.open("a") as file:
        file.write('{"log":"11\n' + line("12\n"))
    assert read(log, None)[-2:] == ["10", "12"]


def test_a_tail_reaches_over_more_than_one_block(tmp_path: Path) -> None:
    path = tmp_path / "c-json.log"
    path.write_text("".join(line("x" * 50_000 + "\n") for _ in range(5)))
    assert len(read(path, 4)) == 4


async def follow(reader: Reader, watcher: Watcher, wanted: int) -> list[Entry]:
    found: list[Entry] = []
    async for batch in reader.follow(watcher):
        found += batch
        if len(found) >= wanted:
            break
    return found


async def test_what_is_added_is_followed_across_a_rotation(log: Path) -> None:
    reader = Reader(str(log), tail=0)
    assert list(reader.batches()) == []
    with Watcher() as watcher:
        following = asyncio.ensure_future(follow(reader, watcher, 2))
        await asyncio.sleep(0)  # let it begin to watch
        with log.open("a") as file:
            file.write(line("11\n"))
        log.rename(f"{log}.1")
        log.write_text(line("12\n"))
        found = await asyncio.wait_for(following, 10)
    reader.close()
    assert [entry.log for entry in found] == ["11\n", "12\n"]
