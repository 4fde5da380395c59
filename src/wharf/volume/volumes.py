"""The volumes of the engine: by name; in memory, and behind it in the database.

A volume is on record before its folder is made, and until its folder is gone. One that was made for a
container is that container's `maker` until its creation is on record, in the same transaction: a crash before
leaves a volume that nobody was told of, and the next start removes it.
"""

import logging
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from wharf.content.folders import Jobs
from wharf.content.keyed_lock import KeyedLock
from wharf.content.uninterrupted import uninterrupted
from wharf.errors import Conflict, EngineError
from wharf.failpoint import failpoint
from wharf.state.database import Database
from wharf.volume import local, store
from wharf.volume.folders import Folders
from wharf.volume.host_mounts import HostMounts
from wharf.volume.local import Local
from wharf.volume.population import Image, Population
from wharf.volume.volume import (
    ANONYMOUS_LABEL,
    LOCAL,
    InUse,
    NoSuchVolume,
    Volume,
    check_driver,
    check_name,
)

_log = logging.getLogger(__name__)

Emit = Callable[[str, str, str, Mapping[str, str]], None]


class Volumes:
    """All volumes; `open` before use, `close` after. A user is the id of a container."""

    def __init__(self, *, db: Database, jobs: Jobs, path: str, emit: Emit) -> None:
        self._db = db
        self._emit = emit
        self._one_at_a_time = KeyedLock()
        self._volumes: dict[str, Volume] = {}
        self._going: set[str] = set()
        self._users: dict[str, dict[str, None]] = {}
        self.folders = Folders(path, jobs)
        self.host_mounts = HostMounts(self.folders.data)
        self._population = Population(self.folders, jobs)

    async def open(self) -> None:
        """Read the records, finish the removals, and make good what a crash has left."""
        await self._db.migrate("volumes", store.MIGRATIONS)
        self.folders.open()
        found = await self._db.read(store.load)
        gone = [volume for volume in found if volume.is_going or volume.maker]
        self._volumes = {volume.name: volume for volume in found if volume not in gone}
        for name in self._volumes:
            try:
                self.folders.recover(name)
            except EngineError as error:
                _log.error("%s", error)
        self.host_mounts.drop(volume.name for volume in gone)
        await self._bury(gone)

    async def close(self) -> None:
        """Stop deleting what was removed; the next start goes on with it."""
        await self.folders.close()

    def __iter__(self) -> Iterator[Volume]:
        """Iterate over the volumes, oldest first."""
        return iter(list(self._volumes.values()))

    def find(self, name: str) -> Volume:
        """Return a volume; raises NoSuchVolume."""
        if (volume := self._volumes.get(name)) is None:
            raise NoSuchVolume(name)
        return volume

    async def fill(self, name: str, image: Image, path: str, subpath: str = "") -> str:
        """Copy `path` of an image into a volume that is empty; see `Population.fill`."""
        async with self._one_at_a_time.hold(name):
            options = local.read(self.find(name).options)
            if options is not None and options.is_shared:
                return "nothing"  # it is new, and so empty, at each mount
            return await self._population.fill(name, options, image, path, subpath)

    async def mount(self, name: str, user: str, options: Local) -> None:
        """Mount a volume that is one for all its containers, for one that starts; raises Internal."""
        async with self._one_at_a_time.hold(name):
            await self.host_mounts.mount(name, user, options)

    async def size(self, name: str) -> int:
        """Return the bytes of a volume's files, -1 where they cannot be counted."""
        return await self._population.size(name)

    def mountpoint(self, name: str) -> str:
        """Return the path of a volume's data, as users are told it."""
        return self.folders.data(name)

    def users(self, name: str) -> list[str]:
        """Return the containers that were made with a volume."""
        return list(self._users.get(name, ()))

    def hold(self, name: str, user: str) -> None:
        """Count a container that is on record, at the start."""
        self._users.setdefault(name, {})[user] = None

    async def create(
        self,
        name: str,
        *,
        driver: str = "",
        options: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        user: str = "",
    ) -> Volume:
        """Return the volume of this name, made if there is none; no name makes an anonymous one.

        With `user` it is held for a container that is being created. Raises InvalidParameter, NotFound.
        """
        if not name:
            name, labels = secrets.token_hex(32), {**(labels or {}), ANONYMOUS_LABEL: ""}
        check_driver(name, driver)
        async with self._one_at_a_time.hold(name):
            volume = self._volumes.get(name)
            if name in self._going:
                raise Conflict(f"create {name}: the volume of that name is being removed")
            if volume is None:
                check_name(name)
                local.check(name, options or {})
                volume = Volume(
                    name=name,
                    created=time.time_ns(),
                    labels=dict(labels) if labels else None,
                    options=dict(options) if options else None,
                    maker=user,
                )
                await uninterrupted(self._make(volume))
            elif volume.maker and not user:
                volume = await uninterrupted(self._acknowledge(volume))
            if user:
                self.hold(name, user)
            return volume

    async def _make(self, volume: Volume) -> None:
        await self._db.write(lambda connection: store.put(connection, volume))
        failpoint("volume.recorded")
        try:
            self.folders.make(volume.name)
        except EngineError:
            await self._bury([volume])
            raise
        self._volumes[volume.name] = volume
        self._emit("volume", "create", volume.name, {"driver": LOCAL})

    async def _acknowledge(self, volume: Volume) -> Volume:
        kept = msgspec.structs.replace(volume, maker="")
        await self._db.write(lambda connection: store.put(connection, kept))
        self._volumes[volume.name] = kept
        return kept

    def promised(self, user: str) -> list[Volume]:
        """Return the volumes that a container's creation makes real, as they are after it."""
        return [
            msgspec.structs.replace(volume, maker="")
            for volume in self._volumes.values()
            if volume.maker and (volume.maker == user or user in self._users.get(volume.name, ()))
        ]

    @staticmethod
    def put_in(connection: sqlite3.Connection, volumes: Iterable[Volume]) -> None:
        """Put volumes on record as they are: part of a transaction of their users'."""
        for volume in volumes:
            store.put(connection, volume)

    def keep(self, volumes: Iterable[Volume]) -> None:
        """Take volumes as they are on record now."""
        self._volumes.update((volume.name, volume) for volume in volumes)

    async def abandon(self, user: str) -> None:
        """Let go of what a container held that did not come to be; what was made only for it goes."""
        self.release(user)
        for name in [volume.name for volume in self if volume.maker == user]:
            async with self._one_at_a_time.hold(name):
                volume = self._volumes.get(name)
                if volume is not None and volume.maker == user and not self.users(name):
                    await uninterrupted(self._remove(volume))

    def release(self, user: str) -> None:
        """Let go of what a container held."""
        for name in [name for name, users in self._users.items() if user in users]:
            del self._users[name][user]
            if not self._users[name]:
                del self._users[name]

    async def remove(self, name: str, *, force: bool = False) -> None:
        """Remove a volume that no container was made with; raises NoSuchVolume (not by force), InUse."""
        async with self._one_at_a_time.hold(name):
            if name not in self._volumes and force:
                return
            volume = self.find(name)
            if users := self.users(name):
                raise InUse(name, users)
            await uninterrupted(self._remove(volume))

    def doom(self, user: str, names: Iterable[str]) -> list[Volume]:
        """Take those of `names` that nobody but `user` holds out of sight, to go with it; see `bury`."""
        alone = [name for name in names if name in self._volumes and self.users(name) in ([user], [])]
        return [self._hide(name) for name in dict.fromkeys(alone)]

    def _hide(self, name: str) -> Volume:
        self._going.add(name)
        return msgspec.structs.replace(self._volumes.pop(name), is_going=True)

    def spare(self, volumes: Iterable[Volume]) -> None:
        """Undo `doom`."""
        for volume in volumes:
            self._going.discard(volume.name)
            self._volumes[volume.name] = msgspec.structs.replace(volume, is_going=False)

    async def bury(self, volumes: Sequence[Volume]) -> None:
        """Remove what is left of volumes whose going is on record, and tell of it."""
        try:
            await self._bury(volumes)
        finally:
            self._going.difference_update(volume.name for volume in volumes)
        for volume in volumes:
            self._emit("volume", "destroy", volume.name, {"driver": LOCAL})

    async def _remove(self, volume: Volume) -> None:
        going = self._hide(volume.name)
        try:
            await self._db.write(lambda connection: store.put(connection, going))
        except BaseException:
            self.spare([going])
            raise
        await self.bury([going])

    async def _bury(self, volumes: Sequence[Volume]) -> None:
        if not volumes:
            return
        failpoint("volume.going")
        names = [volume.name for volume in volumes]
        for name in names:
            self.folders.discard(name)
        failpoint("volume.gone")
        await self._db.write(lambda connection: store.delete(connection, names))
