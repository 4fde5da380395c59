"""The database keeps what it answered for, and nothing else."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from wharf import failpoint
from wharf.errors import Internal
from wharf.state.database import Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(str(tmp_path / "engine.db"))
    await database.migrate("test", ["CREATE TABLE thing (name TEXT PRIMARY KEY)"])
    yield database
    await database.close()


def names(connection: sqlite3.Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM thing ORDER BY name")]


async def test_what_was_written_is_read_by_another_connection(database: Database) -> None:
    await database.write(lambda c: c.execute("INSERT INTO thing VALUES ('a')"))
    other = sqlite3.connect(database.path)
    assert names(other) == ["a"]
    other.close()


async def test_a_call_that_fails_takes_no_companion_with_it(database: Database) -> None:
    outcomes = await asyncio.gather(
        database.write(lambda c: c.execute("INSERT INTO thing VALUES ('a')").rowcount),
        database.write(lambda c: c.execute("INSERT INTO nothing VALUES ('b')").rowcount),
        database.write(lambda c: c.execute("INSERT INTO thing VALUES ('c')").rowcount),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [int, Internal, int]
    assert await database.read(names) == ["a", "c"]


async def test_half_of_a_failed_call_is_undone(database: Database) -> None:
    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO thing VALUES ('a')")
        raise KeyError("b")

    with pytest.raises(KeyError):
        await database.write(work)
    assert await database.read(names) == []


async def test_a_commit_that_fails_fails_every_call_in_it(database: Database) -> None:
    failpoint.arm("state.commit=error:28")
    try:
        with pytest.raises(Internal, match="no space left"):
            await database.write(lambda c: c.execute("INSERT INTO thing VALUES ('a')"))
    finally:
        failpoint.arm("")
    assert await database.read(names) == []


async def test_a_migration_runs_once(database: Database) -> None:
    statements = ["CREATE TABLE thing (name TEXT PRIMARY KEY)", "ALTER TABLE thing ADD COLUMN size INTEGER"]
    await database.migrate("test", statements)
    await database.migrate("test", statements)
    await database.write(lambda c: c.execute("INSERT INTO thing VALUES ('a', 1)"))
    assert await database.read(names) == ["a"]
