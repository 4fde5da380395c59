"""What images are made of: layers, unpacked once each, and the chains that they form.

The half of `Layers` (`layers.py`) that images use. A layer is visible only when it is complete, verified and
on disk; it goes when no image, container or chain above needs it and no operation leases it.
"""

import asyncio
import os
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from wharf.content import layer as table
from wharf.content.folders import Folders, Jobs, Progress
from wharf.content.keyed_lock import KeyedLock
from wharf.content.layer import Chain, Collected, Layer, NoSuchLayer, chain_id, layer_key
from wharf.content.lease import Lease, Leases
from wharf.content.uninterrupted import uninterrupted
from wharf.errors import InvalidParameter
from wharf.failpoint import failpoint
from wharf.schema.digest import Digest
from wharf.state.database import Database

Keep = Callable[[Digest], Awaitable[None]]


class Source(NamedTuple):
    """A layer's bytes: `size` of them from `offset` of `fd` (borrowed), with `digest` if it is known.

    `copy_fd` is an empty file that gets a copy of them (borrowed).
    """

    fd: int
    offset: int
    size: int
    digest: Digest | None = None
    copy_fd: int | None = None


class Chains:
    """Layers and chains, on disk, in the database and in memory."""

    def __init__(self, db: Database, jobs: Jobs, snapshots: str) -> None:
        self._db = db
        self._jobs = jobs
        self.folders = Folders(snapshots, jobs)
        self._layers: dict[str, Layer] = {}
        self._chains: dict[str, Chain] = {}
        self._one_at_a_time = KeyedLock()
        self._collecting = asyncio.Lock()
        self.leases = Leases()

    def numbers(self) -> set[int]:
        """Return the numbers of all folders that a record owns."""
        owned = {layer.number for layer in self._layers.values()}
        owned.update(chain.init for chain in self._chains.values() if chain.init is not None)
        return owned

    def layer(self, diff_id: str) -> Layer | None:
        """Return the unpacked layer, if it is here."""
        return self._layers.get(diff_id)

    def keeps(self, blob: str) -> bool:
        """Whether a layer that is here came from this blob."""
        return any(layer.blob == blob for layer in self._layers.values())

    def has(self, chain: str) -> bool:
        """Whether the chain is here."""
        return chain in self._chains

    def stack(self, chain: str | None) -> list[Layer]:
        """Return a chain's layers, lowest first; raises NoSuchLayer."""
        layers: list[Layer] = []
        while chain is not None:
            record = self._chain(chain)
            layers.append(self._layers[record.diff_id])
            chain = record.parent
        return layers[::-1]

    async def unpack(
        self,
        diff_id: Digest,
        parent: str | None,
        source: Source,
        *,
        lease: Lease,
        progress: Progress | None = None,
    ) -> str:
        """Make the layer `diff_id` over `parent`, unless it is here; return its chain's id.

        `lease` keeps it until an image holds it. Raises as `add` and `link` do.
        """
        await self.add(source, diff_id=diff_id, lease=lease, progress=progress)
        return await self.link([diff_id], parent=parent, lease=lease)

    async def add(
        self,
        source: Source,
        *,
        diff_id: Digest | None,
        lease: Lease,
        keep: Keep | None = None,
        progress: Progress | None = None,
    ) -> Layer:
        """Unpack a layer, whatever will be below it; return its record once it is durable.

        With `diff_id` known, nothing is done twice, also when two ask at once. `keep` is given the digest of
        the bytes before the layer is recorded, to make sure that the blob is there. Raises InvalidParameter
        for bytes that are no layer or another one, Internal when the disk is full.
        """
        if diff_id is None:
            return await self._add(source, None, lease, keep, progress)
        async with self._one_at_a_time.hold(diff_id):
            known = await self._leased(diff_id, lease)
            return known or await self._add(source, diff_id, lease, keep, progress)

    async def _leased(self, diff_id: Digest, lease: Lease) -> Layer | None:
        """Lease a layer, here or not, and return it if it is here."""
        async with self._collecting:
            lease.hold(layer_key(diff_id))
            return self._layers.get(diff_id)

    async def _add(
        self,
        source: Source,
        diff_id: Digest | None,
        lease: Lease,
        keep: Keep | None,
        progress: Progress | None,
    ) -> Layer:
        number = self.folders.make()
        try:
            layer = await self._unpack(source, diff_id, number, progress)
            if diff_id is not None:
                return await self._settle(layer, lease, keep)
            async with self._one_at_a_time.hold(layer.diff_id):
                return await self._settle(layer, lease, keep)
        finally:
            if number not in self.numbers():
                self.folders.discard(number)

    async def _unpack(
        self, source: Source, diff_id: Digest | None, number: int, progress: Progress | None
    ) -> Layer:
        target = os.open(self.folders.fs(number), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fds = [source.fd, target, *([] if source.copy_fd is None else [source.copy_fd])]
        args = {"offset": source.offset, "size": source.size, "diff_id": diff_id, "digest": source.digest}
        try:
            result = await self._jobs.job("content.unpack", args, fds, progress=progress)
        finally:
            os.close(target)
        return Layer(
            Digest(str(result["diff_id"])),
            number,
            int(str(result["size"])),
            int(str(result["unpacked"])),
            Digest(str(result["digest"])),
            source.size,
            str(result["compression"]),
        )

    async def _settle(self, layer: Layer, lease: Lease, keep: Keep | None) -> Layer:
        """Record an unpacked layer, unless it has come to be here meanwhile; return the one that is here."""
        known = await self._leased(layer.diff_id, lease)
        if known is not None:
            return known
        if keep is not None:
            await keep(layer.blob)
        failpoint("content.layer.unpacked")
        await uninterrupted(self._record_layer(layer))
        failpoint("content.layer.recorded")
        return layer

    async def _record_layer(self, layer: Layer) -> None:
        await self._db.write(lambda connection: table.insert_layer(connection, layer))
        self._layers[layer.diff_id] = layer

    async def link(self, diff_ids: Sequence[Digest], *, parent: str | None = None, lease: Lease) -> str:
        """Record layers that are here as a chain over `parent`, lowest first; return its id, leased.

        Raises InvalidParameter when there is no layer, NoSuchLayer when one is not here.
        """
        chains: list[Chain] = []
        for diff_id in diff_ids:
            chains.append(Chain(chain_id(parent, diff_id), parent, diff_id, None))
            parent = chains[-1].chain_id
        if parent is None:
            raise InvalidParameter("an image without layers has no chain")
        async with self._collecting:
            for chain in chains:
                lease.hold(chain.chain_id)
        new = [chain for chain in chains if chain.chain_id not in self._chains]
        if new:
            await uninterrupted(self._record_chains(new))
        return parent

    async def _record_chains(self, chains: Sequence[Chain]) -> None:
        await self._db.write(lambda connection: table.insert_chains(connection, chains))
        for chain in chains:
            self._chains.setdefault(chain.chain_id, chain)

    @staticmethod
    def hold_in(connection: sqlite3.Connection, holder: str, chain: str) -> None:
        """Keep `chain` for `holder` from the end of this transaction on; one chain a holder."""
        connection.execute("INSERT OR REPLACE INTO chain_hold VALUES (?, ?)", (holder, chain))

    @staticmethod
    def drop_in(connection: sqlite3.Connection, holder: str) -> None:
        """Let go of what `holder` holds; `collect` removes what nobody needs then."""
        connection.execute("DELETE FROM chain_hold WHERE holder = ?", (holder,))

    async def collect(self) -> Collected:
        """Remove the layers that nobody needs; return what went. Blobs are for the caller to remove."""
        return await uninterrupted(self._collect())

    async def _collect(self) -> Collected:
        async with self._collecting:
            leased = self.leases.held()
            gone = await self._db.write(lambda connection: table.collect(connection, leased))
            for key in gone.chains:
                self._chains.pop(key, None)
            for key in gone.diff_ids:
                self._layers.pop(key, None)
        failpoint("content.collected")
        self.folders.discard(*gone.numbers)
        return gone

    def _chain(self, chain: str) -> Chain:
        record = self._chains.get(chain)
        if record is None:
            raise NoSuchLayer(chain)
        return record

    def _lower(self, chain: str | None) -> list[str]:
        """Return a chain's folders, highest first.

        Overlayfs takes each folder once. Where a layer stands twice in a chain the lower one adds nothing:
        all it has is in the upper one, too.
        """
        return list(dict.fromkeys(f"{layer.number}/fs" for layer in reversed(self.stack(chain))))
