"""The engine's SQLite file: one writer thread, group commit, durable answers.

`await db.write(work)` runs `work(connection)` on the database's own thread and returns its value when the
transaction that holds it is on disk (WAL, synchronous=FULL). Calls that arrive while a commit is under way
share the next one, so that many clients cost one fsync. A call that raises is undone by itself and leaves
its companions alone. `read` runs on the same thread, outside of any transaction.

Only this module opens the file. SQLite's own trouble (disk full, I/O error) is raised as `Internal`.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from wharf.errors import Internal
from wharf.failpoint import failpoint

T = TypeVar("T")

_Work = Callable[[sqlite3.Connection], object]


class _Call(Generic[T]):
    """One piece of work and the future that waits for it."""

    __slots__ = ("error", "future", "result", "work", "writes")

    def __init__(
        self, work: Callable[[sqlite3.Connection], T], future: "asyncio.Future[T]", *, writes: bool
    ) -> None:
        self.work = work
        self.future = future
        self.writes = writes
        self.result: T | None = None
        self.error: BaseException | None = None

    def run(self, connection: sqlite3.Connection) -> None:
        """Run the work inside a savepoint of its own; keep what it returned or raised."""
        if not self.writes:
            self._keep(connection)
            return
        connection.execute("SAVEPOINT call")
        self._keep(connection)
        if self.error is not None:
            connection.execute("ROLLBACK TO call")
        connection.execute("RELEASE call")

    def _keep(self, connection: sqlite3.Connection) -> None:
        try:
            self.result = self.work(connection)
        except Exception as error:  # a border: the caller gets it
            self.error = _explained(error)

    def settle(self) -> None:
        """Hand the outcome to the waiting task; runs on the event loop."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)  # type: ignore[arg-type]  # set together with error


def _explained(error: Exception) -> Exception:
    """Turn trouble with the file into a message for users."""
    if isinstance(error, sqlite3.OperationalError):
        if "disk is full" in str(error):
            return Internal("no space left on device")
        return Internal(f"state database: {error}")
    if isinstance(error, OSError):
        return Internal(f"state database: {(error.strerror or str(error)).lower()}")
    return error


class Database:
    """The open file; made by `open`, ended by `close`."""

    def __init__(self, path: str, loop: asyncio.AbstractEventLoop) -> None:
        self.path = path
        self._loop = loop
        self._calls: queue.SimpleQueue[_Call[object] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="state", daemon=True)

    @classmethod
    async def open(cls, path: str) -> "Database":
        """Open or make the file at `path` (mode 0600) and start its thread."""
        database = cls(path, asyncio.get_running_loop())
        database._thread.start()
        await database.write(
            lambda connection: connection.execute(
                "CREATE TABLE IF NOT EXISTS migration (room TEXT PRIMARY KEY, version INTEGER NOT NULL)"
            )
        )
        return database

    async def migrate(self, room: str, statements: Sequence[str]) -> None:
        """Bring `room`'s tables up to date: statement number n is run once, ever, in order."""

        def work(connection: sqlite3.Connection) -> None:
            row = connection.execute("SELECT version FROM migration WHERE room = ?", (room,)).fetchone()
            done: int = row[0] if row is not None else 0
            for statement in statements[done:]:
                connection.execute(statement)
            connection.execute("INSERT OR REPLACE INTO migration VALUES (?, ?)", (room, len(statements)))

        await self.write(work)

    def write(self, work: Callable[[sqlite3.Connection], T]) -> "asyncio.Future[T]":
        """Run `work` in a transaction; the future has its value once that is durable.

        Calls are carried out in the order in which they are made, whether anybody waits for them or not.
        """
        return self._submit(work, writes=True)

    def read(self, work: Callable[[sqlite3.Connection], T]) -> "asyncio.Future[T]":
        """Run `work`, which only reads, after the calls made before it."""
        return self._submit(work, writes=False)

    async def close(self) -> None:
        """Finish what was asked and close the file."""
        self._calls.put(None)
        await self._loop.run_in_executor(None, self._thread.join)

    def _submit(self, work: Callable[[sqlite3.Connection], T], *, writes: bool) -> "asyncio.Future[T]":
        future: asyncio.Future[T] = self._loop.create_future()
        self._calls.put(_Call(work, future, writes=writes))  # type: ignore[arg-type]  # the queue holds calls of every type
        return future

    def _serve(self) -> None:
        connection = sqlite3.connect(self.path, isolation_level=None, cached_statements=256)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA cache_size=-512")
        try:
            while (batch := self._next_batch()) is not None:
                self._commit(connection, batch)
                self._loop.call_soon_threadsafe(_settle, batch)
        finally:
            connection.close()

    def _next_batch(self) -> "list[_Call[object]] | None":
        """Wait for a call, take all that wait with it; None when the database is to close."""
        call = self._calls.get()
        if call is None:
            return None
        batch = [call]
        while not self._calls.empty():
            call = self._calls.get()
            if call is None:
                self._calls.put(None)
                break
            batch.append(call)
        return batch

    def _commit(self, connection: sqlite3.Connection, batch: "list[_Call[object]]") -> None:
        try:
            if any(call.writes for call in batch):
                connection.execute("BEGIN IMMEDIATE")
            for call in batch:
                call.run(connection)
            if connection.in_transaction:
                failpoint("state.commit")
                connection.execute("COMMIT")
                failpoint("state.committed")
        except (sqlite3.Error, OSError) as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            for call in batch:
                call.error = call.error or _explained(error)


def _settle(batch: "list[_Call[object]]") -> None:
    for call in batch:
        call.settle()
