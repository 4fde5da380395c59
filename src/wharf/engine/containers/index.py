"""All containers of the engine: by id, by name, by id prefix; in memory, and behind it in the database."""

import asyncio
import sqlite3
from collections.abc import Iterator

import msgspec

from wharf.engine.containers.container import Container
from wharf.engine.containers.record import Condition, Record
from wharf.engine.errors import AmbiguousPrefix, NameTaken, NoSuchContainer
from wharf.schema.struct import encode
from wharf.state.database import Database

MIGRATIONS = (
    """CREATE TABLE container (
        id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, record BLOB NOT NULL, condition BLOB NOT NULL
    )""",
)


class Index:
    """The set of containers. A name is taken from the moment it is reserved."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._by_id: dict[str, Container] = {}
        self._id_by_name: dict[str, str] = {}

    async def load(self) -> None:
        """Read all containers from the database."""
        await self._db.migrate("containers", MIGRATIONS)
        rows = await self._db.read(lambda c: c.execute("SELECT record, condition FROM container").fetchall())
        for record, condition in rows:
            self._put(
                Container(
                    msgspec.json.decode(record, type=Record), msgspec.json.decode(condition, type=Condition)
                )
            )

    def __iter__(self) -> Iterator[Container]:
        """Iterate over the containers, newest first, as `docker ps` lists them."""
        return iter(
            sorted(self._by_id.values(), key=lambda container: container.record.created, reverse=True)
        )

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, container_id: str) -> bool:
        return container_id in self._by_id

    def get(self, container_id: str) -> Container | None:
        """Return the container with this very id, if there is one."""
        return self._by_id.get(container_id)

    def linking(self) -> Iterator[Container]:
        """Iterate over the containers that have links to others."""
        return iter([container for container in self._by_id.values() if container.record.links])

    def find(self, ref: str) -> Container:
        """Return the container with this id, name or unambiguous id prefix (looked for in this order).

        `parent/alias` is a name too: of the one that the parent links to.
        """
        name = ref.removeprefix("/")
        if container := self._by_id.get(ref) or self._by_id.get(self._id_by_name.get(name, "")):
            return container
        if linked := self._linked(name):
            return linked
        found = [
            container
            for container_id, container in self._by_id.items()
            if ref and container_id.startswith(ref)
        ]
        if len(found) > 1:
            raise AmbiguousPrefix(ref)
        if not found:
            raise NoSuchContainer(ref)
        return found[0]

    def _linked(self, name: str) -> Container | None:
        parent, _, alias = name.rpartition("/")
        if (container := self._by_id.get(self._id_by_name.get(parent, ""))) is None:
            return None
        ids = [link.container for link in container.record.links if link.alias == alias]
        return self._by_id.get(ids[0]) if ids else None

    def holder_of(self, name: str) -> str | None:
        """Return the id of the container that has, or is about to have, this name."""
        return self._id_by_name.get(name)

    def reserve(self, name: str, container_id: str) -> None:
        """Take a name before the container is on record."""
        if (holder := self._id_by_name.get(name)) is not None and holder != container_id:
            raise NameTaken(name, holder)
        self._id_by_name[name] = container_id

    def give_back(self, name: str) -> None:
        """Undo `reserve` for a container that did not come to be, or a name that it lost."""
        self._id_by_name.pop(name, None)

    def add(self, container: Container) -> None:
        """Make a container visible once it is on record."""
        self._put(container)

    def discard(self, container: Container) -> None:
        """Forget a container once it is off the record."""
        self._by_id.pop(container.id, None)
        self._id_by_name.pop(container.name, None)

    def save(self, container: Container, condition: Condition) -> "asyncio.Future[int]":
        """Make `condition` the container's, at once; the future is done when that is durable."""
        container.condition = condition
        encoded = encode(condition)
        return self._db.write(
            lambda c: (
                c.execute("UPDATE container SET condition = ? WHERE id = ?", (encoded, container.id)).rowcount
            )
        )

    async def rename(self, container: Container, name: str) -> None:
        """Give the container another name, durably; the caller has reserved it."""
        renamed = msgspec.structs.replace(container.record, name=name)
        encoded = encode(renamed)
        await self._db.write(
            lambda c: (
                c.execute(
                    "UPDATE container SET name = ?, record = ? WHERE id = ?", (name, encoded, container.id)
                ).rowcount
            )
        )
        self.give_back(container.name)
        container.record = renamed
        self._id_by_name[name] = container.id

    async def change(self, container: Container, record: Record) -> None:
        """Make `record`, of the same name, the container's, durably."""
        encoded = encode(record)
        await self._db.write(
            lambda c: (
                c.execute("UPDATE container SET record = ? WHERE id = ?", (encoded, container.id)).rowcount
            )
        )
        container.record = record

    def _put(self, container: Container) -> None:
        self._by_id[container.id] = container
        self._id_by_name[container.name] = container.id


def insert(connection: sqlite3.Connection, record: Record, condition: Condition) -> None:
    """Put a new container on record; part of the transaction that creates it."""
    connection.execute(
        "INSERT INTO container VALUES (?, ?, ?, ?)",
        (record.id, record.name, encode(record), encode(condition)),
    )


def delete(connection: sqlite3.Connection, container_id: str) -> None:
    """Take a container off the record."""
    connection.execute("DELETE FROM container WHERE id = ?", (container_id,))
