"""The volume room's table. Each function takes a connection inside a transaction of `state.Database`."""

import sqlite3
from collections.abc import Iterable

import msgspec

from wharf.volume.volume import Volume

MIGRATIONS = ("CREATE TABLE volume (name TEXT PRIMARY KEY, document BLOB NOT NULL) WITHOUT ROWID",)

_decoder = msgspec.json.Decoder(Volume)


def load(db: sqlite3.Connection) -> list[Volume]:
    """Return all volumes, oldest first."""
    found = [_decoder.decode(row[0]) for row in db.execute("SELECT document FROM volume")]
    return sorted(found, key=lambda volume: volume.created)


def put(db: sqlite3.Connection, volume: Volume) -> None:
    """Put a volume on record, or what has become of it."""
    db.execute("INSERT OR REPLACE INTO volume VALUES (?, ?)", (volume.name, msgspec.json.encode(volume)))


def delete(db: sqlite3.Connection, names: Iterable[str]) -> None:
    """Take volumes off the record."""
    db.executemany("DELETE FROM volume WHERE name = ?", [(name,) for name in names])
