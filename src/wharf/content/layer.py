"""What the layers' room keeps: its words, its records and its tables.

| word | meaning |
| --- | --- |
| diff id | digest of a layer's uncompressed tar |
| layer | one diff id, unpacked into the folder `<snapshots>/<number>/fs`, whatever lies below it |
| chain | a layer on top of a parent chain; its id is made of both (image-spec, config.md, "Layer ChainID") |
| init layer | what lies over an image and under a container: `/.dockerenv`, `/etc/mtab`, mount points |
| writable | a container's own layer over a chain: `fs` and `work` |
| hold | a chain is kept because somebody durable (an image) needs it |
"""

import hashlib
import sqlite3
from collections.abc import Collection, Iterable
from typing import NamedTuple

from wharf.errors import NotFound
from wharf.schema.digest import Digest

MIGRATIONS = (
    """CREATE TABLE layer (
        diff_id TEXT PRIMARY KEY,
        number INTEGER NOT NULL,
        size INTEGER NOT NULL,
        tar_size INTEGER NOT NULL,
        blob TEXT NOT NULL,
        blob_size INTEGER NOT NULL,
        compression TEXT NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE chain (
        chain_id TEXT PRIMARY KEY,
        parent TEXT REFERENCES chain,
        diff_id TEXT NOT NULL REFERENCES layer,
        init INTEGER
    ) WITHOUT ROWID""",
    """CREATE TABLE writable (
        key TEXT PRIMARY KEY,
        number INTEGER NOT NULL,
        chain_id TEXT REFERENCES chain
    ) WITHOUT ROWID""",
    """CREATE TABLE chain_hold (
        holder TEXT PRIMARY KEY,
        chain_id TEXT NOT NULL REFERENCES chain
    ) WITHOUT ROWID""",
    "CREATE INDEX chain_by_parent ON chain (parent)",
    "CREATE INDEX chain_by_layer ON chain (diff_id)",
    "CREATE INDEX writable_by_chain ON writable (chain_id)",
    "CREATE INDEX hold_by_chain ON chain_hold (chain_id)",
)


class NoSuchLayer(NotFound):
    """There is no such layer, chain or writable layer: its owner was removed meanwhile."""

    def __init__(self, key: str) -> None:
        super().__init__(f"layer {key} does not exist")


class Layer(NamedTuple):
    """An unpacked layer: `size` of its files, `tar_size` of its tar, and the blob it came from."""

    diff_id: Digest
    number: int
    size: int
    tar_size: int
    blob: Digest
    blob_size: int
    compression: str


class Chain(NamedTuple):
    """A layer over `parent`; `init` is the number of its init layer, once a container may need it."""

    chain_id: str
    parent: str | None
    diff_id: Digest
    init: int | None


class Writable(NamedTuple):
    """A container's layer over a chain (None: over nothing)."""

    key: str
    number: int
    chain_id: str | None


class Collected(NamedTuple):
    """What nobody needed any more: records removed, folders and blobs to remove."""

    chains: tuple[str, ...]
    diff_ids: tuple[str, ...]
    numbers: tuple[int, ...]
    blobs: tuple[Digest, ...]


def chain_id(parent: str | None, diff_id: Digest) -> str:
    """Return the id of `diff_id` over `parent`."""
    if parent is None:
        return str(diff_id)
    return f"sha256:{hashlib.sha256(f'{parent} {diff_id}'.encode()).hexdigest()}"


def load(connection: sqlite3.Connection) -> tuple[list[Layer], list[Chain], list[Writable]]:
    """Return everything that is kept."""
    layers = [
        Layer(Digest(diff_id), number, size, tar_size, Digest(blob), blob_size, compression)
        for diff_id, number, size, tar_size, blob, blob_size, compression in connection.execute(
            "SELECT diff_id, number, size, tar_size, blob, blob_size, compression FROM layer"
        )
    ]
    chains = [
        Chain(key, parent, Digest(diff_id), init)
        for key, parent, diff_id, init in connection.execute(
            "SELECT chain_id, parent, diff_id, init FROM chain"
        )
    ]
    writables = [Writable(*row) for row in connection.execute("SELECT key, number, chain_id FROM writable")]
    return layers, chains, writables


def insert_layer(connection: sqlite3.Connection, layer: Layer) -> None:
    """Record an unpacked layer."""
    connection.execute("INSERT INTO layer VALUES (?, ?, ?, ?, ?, ?, ?)", layer)


def insert_chains(connection: sqlite3.Connection, chains: Iterable[Chain]) -> None:
    """Record chains, lowest first; known ones stay as they are; raises NoSuchLayer."""
    for chain in chains:
        try:
            connection.execute("INSERT INTO chain VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", chain)
        except sqlite3.IntegrityError:
            raise NoSuchLayer(chain.diff_id) from None


def set_init(connection: sqlite3.Connection, chain: str, number: int) -> None:
    """Record a chain's init layer; raises NoSuchLayer."""
    if not connection.execute("UPDATE chain SET init = ? WHERE chain_id = ?", (number, chain)).rowcount:
        raise NoSuchLayer(chain)


def insert_writable(connection: sqlite3.Connection, writable: Writable) -> None:
    """Record a writable layer; raises NoSuchLayer when its chain is gone."""
    try:
        connection.execute("INSERT INTO writable VALUES (?, ?, ?)", writable)
    except sqlite3.IntegrityError:
        raise NoSuchLayer(writable.chain_id or writable.key) from None


def collect(connection: sqlite3.Connection, leased: Collection[str]) -> Collected:
    """Remove the records of chains and layers that nobody holds, stands on, or leases; return what went."""
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS leased (key TEXT PRIMARY KEY)")
    connection.execute("DELETE FROM leased")
    connection.executemany("INSERT INTO leased VALUES (?)", [(key,) for key in leased])
    chains: list[str] = []
    numbers: list[int] = []
    while rows := connection.execute(_UNUSED_CHAINS).fetchall():
        chains += (row[0] for row in rows)
        numbers += (row[1] for row in rows if row[1] is not None)
        connection.executemany("DELETE FROM chain WHERE chain_id = ?", [(row[0],) for row in rows])
    layers = connection.execute(_UNUSED_LAYERS).fetchall()
    connection.executemany("DELETE FROM layer WHERE diff_id = ?", [(row[0],) for row in layers])
    numbers += (row[1] for row in layers)
    gone = {row[2] for row in layers}
    kept = {row[0] for row in connection.execute("SELECT blob FROM layer")}
    return Collected(
        tuple(chains),
        tuple(row[0] for row in layers),
        tuple(numbers),
        tuple(Digest(blob) for blob in gone - kept),
    )


_UNUSED_CHAINS = """
SELECT chain_id, init FROM chain AS c
WHERE NOT EXISTS (SELECT 1 FROM chain WHERE parent = c.chain_id)
  AND NOT EXISTS (SELECT 1 FROM chain_hold WHERE chain_id = c.chain_id)
  AND NOT EXISTS (SELECT 1 FROM writable WHERE chain_id = c.chain_id)
  AND NOT EXISTS (SELECT 1 FROM leased WHERE key = c.chain_id)
"""

_UNUSED_LAYERS = """
SELECT diff_id, number, blob FROM layer AS l
WHERE NOT EXISTS (SELECT 1 FROM chain WHERE diff_id = l.diff_id)
  AND NOT EXISTS (SELECT 1 FROM leased WHERE key = 'layer ' || l.diff_id)
"""


def layer_key(diff_id: str) -> str:
    """Return how a lease names a layer; a chain is named by its id, which may be the same digest."""
    return f"layer {diff_id}"
