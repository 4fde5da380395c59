"""Layers: overlay snapshots, shared by whoever needs them; writable ones for containers.

Promises: a layer is visible only when it is complete, verified and on disk (its row follows `syncfs` of its
files); a folder without a row is garbage, gone at the next start; a layer goes when no image, container or
chain above needs it and no operation leases it. A tree is removed by one rename; deleting it happens behind.

The records are in the database, and again in memory: what only looks is not asynchronous.
"""

import contextlib
import os
import sqlite3
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence

from wharf.content import layer as table
from wharf.content.chains import Chains, Keep, Source
from wharf.content.folders import Jobs
from wharf.content.layer import NoSuchLayer, Writable
from wharf.content.packing import pack, poured
from wharf.content.uninterrupted import uninterrupted
from wharf.failpoint import failpoint
from wharf.runtime.spec import RootMount
from wharf.state.database import Database

__all__ = ["Also", "Keep", "Layers", "Source"]

Also = Callable[[sqlite3.Connection], None]

_EMPTY_INIT = "init"
"""Key of the init layer of containers without an image; no container's id is that short."""


class Layers(Chains):
    """The snapshots below the folder `snapshots`; `open` before use, `close` after."""

    def __init__(self, db: Database, jobs: Jobs, snapshots: str) -> None:
        super().__init__(db, jobs, snapshots)
        self._writables: dict[str, Writable] = {}

    async def open(self) -> None:
        """Read the records, and remove every folder without one."""
        await self._db.migrate("content", table.MIGRATIONS)
        layers, chains, writables = await self._db.read(table.load)
        self._layers = {layer.diff_id: layer for layer in layers}
        self._chains = {chain.chain_id: chain for chain in chains}
        self._writables = {writable.key: writable for writable in writables}
        self.sweep()

    async def close(self) -> None:
        """Stop deleting what was removed; the next start goes on with it."""
        await self.folders.close()

    def sweep(self) -> None:
        """Remove folders that no record owns, and make what a power cut took from writable ones.

        For the start, when no operation is under way.
        """
        self.folders.open(self.numbers())
        for writable in self._writables.values():
            self.folders.mend(writable.number, work=True)

    def numbers(self) -> set[int]:
        """Return the numbers of all folders that a record owns."""
        return super().numbers() | {writable.number for writable in self._writables.values()}

    async def ready(self, chain: str | None) -> None:
        """Make the init layer that containers of `chain` share, unless it is here; raises NoSuchLayer."""
        if self._init_of(chain) is not None:
            return
        async with self._one_at_a_time.hold(f"init {chain}"):
            if self._init_of(chain) is not None:
                return
            number = self.folders.make(work=True)
            try:
                await self._run_init(chain, number)
                failpoint("content.init.made")
                await uninterrupted(self._record_init(chain, number))
                failpoint("content.init.recorded")
            finally:
                if number not in self.numbers():
                    self.folders.discard(number)

    async def _record_init(self, chain: str | None, number: int) -> None:
        if chain is None:
            await self._record_writable(Writable(_EMPTY_INIT, number, None), None)
        else:
            await self._db.write(lambda connection: table.set_init(connection, chain, number))
            self._chains[chain] = self._chain(chain)._replace(init=number)

    async def _run_init(self, chain: str | None, number: int) -> None:
        folder = os.open(self.folders.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            args = {"number": number, "lower": self._lower(chain)}
            await self._jobs.job("content.init-layer", args, [folder])
        finally:
            os.close(folder)

    def _init_of(self, chain: str | None) -> int | None:
        if chain is not None:
            return self._chain(chain).init
        empty = self._writables.get(_EMPTY_INIT)
        return None if empty is None else empty.number

    async def prepare(self, key: str, parent: str | None, *, also: Also | None = None) -> None:
        """Make a writable layer for container `key` over the chain `parent` (None: over nothing).

        `also` runs in the same transaction. Raises NoSuchLayer when the image went meanwhile.
        """
        await self.ready(parent)
        writable = Writable(key, self.folders.make(work=True), parent)
        try:
            await uninterrupted(self._record_writable(writable, also))
        finally:
            if self._writables.get(key) is not writable:
                self.folders.discard(writable.number)

    async def _record_writable(self, writable: Writable, also: Also | None) -> None:
        def work(connection: sqlite3.Connection) -> None:
            table.insert_writable(connection, writable)
            if also is not None:
                also(connection)

        await self._db.write(work)
        self._writables[writable.key] = writable

    async def remove(self, key: str, *, also: Also | None = None) -> None:
        """Remove container `key`'s layer, if it is there; `also` runs in the same transaction."""
        await uninterrupted(self._remove(key, also))

    async def _remove(self, key: str, also: Also | None) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM writable WHERE key = ?", (key,))
            if also is not None:
                also(connection)

        await self._db.write(work)
        writable = self._writables.pop(key, None)
        failpoint("content.writable.removed")
        if writable is not None:
            self.folders.discard(writable.number)

    def mounts(self, key: str) -> list[RootMount]:
        """Return the mounts that make the root of container `key`; raises NoSuchLayer."""
        writable = self._writable(key)
        options = [
            f"lowerdir={':'.join(self._lower_of(writable))}",
            f"upperdir={writable.number}/fs",
            f"workdir={writable.number}/work",
            # As Docker has it: no index of hard links, which would refuse layers that were copied.
            "index=off",
        ]
        return [{"type": "overlay", "source": "overlay", "options": options, "cwd": self.folders.path}]

    async def container_view(self, chain: str | None) -> list[str]:
        """Return the folders that a new container of `chain` sees, highest first, below `folders.path`."""
        await self.ready(chain)
        return [f"{self._init_of(chain)}/fs", *self._lower(chain)]

    def image_view(self, chain: str) -> list[str]:
        """Return the folders of an image, highest first, below `folders.path`; raises NoSuchLayer."""
        return self._lower(chain)

    def upper(self, key: str) -> str:
        """Return the folder of what container `key` has changed; raises NoSuchLayer."""
        return self.folders.fs(self._writable(key).number)

    def export(self, key: str) -> AsyncGenerator[bytes, None]:
        """Return the tar of all that container `key`'s root holds; raises NoSuchLayer."""
        writable = self._writable(key)
        lower = [f"{writable.number}/fs", *self._lower_of(writable)]
        return pack(self._jobs, self.folders.path, lower, as_layer=False)

    def changes(self, key: str) -> AsyncGenerator[bytes, None]:
        """Return what container `key` has changed, as the tar of a layer; raises NoSuchLayer."""
        lower = [f"{self._writable(key).number}/fs"]
        return pack(self._jobs, self.folders.path, lower, as_layer=True)

    async def pack_changes(self, key: str, fd: int) -> None:
        """Write the tar of `changes` to the file `fd` (borrowed); raises NoSuchLayer, Internal."""
        lower = [f"{self._writable(key).number}/fs"]
        with self._snapshots() as folder:
            await self._jobs.job("content.pack", {"lower": lower, "as_layer": True}, [folder, fd])

    async def difference(self, key: str) -> list[tuple[int, bytes]]:
        """Return what container `key` has changed: Docker's kind of change and the path, in order.

        Raises NoSuchLayer.
        """
        writable = self._writable(key)
        args = {"upper": writable.number, "lower": self._lower_of(writable)}

        async def work(pipe: int) -> dict[str, object]:
            with self._snapshots() as folder:
                return await self._jobs.job("content.difference", args, [folder, pipe])

        pieces = [piece async for piece in poured(work)]
        return [(line[0] - ord("0"), line[1:]) for line in b"".join(pieces).split(b"\0")[:-1]]

    def stack_of(self, key: str) -> tuple[int, list[str]]:
        """Return the number of `key`'s layer, and its folders, highest first; raises NoSuchLayer."""
        writable = self._writable(key)
        return writable.number, [f"{writable.number}/fs", *self._lower_of(writable)]

    def chain_of(self, key: str) -> str | None:
        """Return the chain that container `key` stands on; raises NoSuchLayer."""
        return self._writable(key).chain_id

    @contextlib.contextmanager
    def _snapshots(self) -> Iterator[int]:
        folder = os.open(self.folders.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield folder
        finally:
            os.close(folder)

    def describe(self, key: str) -> dict[str, str]:
        """Return what `inspect` shows of a container's layers (Docker's names); raises NoSuchLayer."""
        writable = self._writable(key)
        return self._described([f"{writable.number}/fs", *self._lower_of(writable)])

    def describe_chain(self, chain: str | None) -> dict[str, str]:
        """Return what `inspect` shows of an image's layers (Docker's names); raises NoSuchLayer."""
        return self._described(self._lower(chain)) if chain is not None else {}

    def _described(self, names: Sequence[str]) -> dict[str, str]:
        top, *below = (f"{self.folders.path}/{name}" for name in names)
        own = top.removesuffix("/fs")
        shown = {"LowerDir": ":".join(below)} if below else {}
        return {**shown, "MergedDir": f"{own}/merged", "UpperDir": top, "WorkDir": f"{own}/work"}

    def _writable(self, key: str) -> Writable:
        writable = self._writables.get(key)
        if writable is None:
            raise NoSuchLayer(key)
        return writable

    def _lower_of(self, writable: Writable) -> list[str]:
        init = self._init_of(writable.chain_id)
        return [*([] if init is None else [f"{init}/fs"]), *self._lower(writable.chain_id)]
