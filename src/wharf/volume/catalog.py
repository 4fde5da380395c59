"""The volumes as the Engine API speaks of them: names and filters in, its shapes out."""

from collections.abc import Mapping
from typing import Final

import msgspec

from wharf.errors import EngineError, InvalidParameter, Unavailable
from wharf.schema.filters import Filters
from wharf.schema.timestamp import rfc3339
from wharf.schema.volume import Volume as Shown
from wharf.schema.volume import VolumeCreateRequest, VolumeList, VolumesPruneReport, VolumeUsage
from wharf.volume.volume import LOCAL, Volume
from wharf.volume.volumes import Emit, Volumes

FILTERS: Final = frozenset({"dangling", "driver", "label", "name"})
PRUNE_FILTERS: Final = frozenset({"all", "label", "label!"})

_SECOND = 1_000_000_000
_TRUE, _FALSE = ("1", "t", "T", "true", "TRUE", "True"), ("0", "f", "F", "false", "FALSE", "False")


class Catalog:
    """The area Volume of the API."""

    def __init__(self, volumes: Volumes, emit: Emit) -> None:
        self._volumes = volumes
        self._emit = emit

    async def create(self, request: VolumeCreateRequest) -> Shown:
        """Return the volume of that name, made if need be; raises InvalidParameter, NotFound, Unavailable."""
        if request.cluster_volume_spec is not None:
            raise Unavailable(
                'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to '
                "connect this node to swarm and try again."
            )
        volume = await self._volumes.create(
            request.name, driver=request.driver, options=request.driver_opts, labels=request.labels
        )
        return self._shown(volume)

    def list(self, filters: Filters) -> VolumeList:
        """Return the volumes that `filters` let pass; raises InvalidParameter."""
        filters.check(FILTERS)
        dangling = filters.boolean("dangling", default=False)
        return VolumeList(
            volumes=[
                self._shown(volume)
                for volume in self._volumes
                if filters.exact("driver", LOCAL)
                and filters.matches("name", volume.name)
                and filters.labels("label", volume.labels)
                and ("dangling" not in filters or dangling is not bool(self._volumes.users(volume.name)))
            ]
        )

    def inspect(self, name: str) -> Shown:
        """Return all about a volume; raises NoSuchVolume."""
        return self._shown(self._volumes.find(name))

    async def update(self, name: str) -> None:
        """Refuse: only volumes of a cluster can be changed."""
        del name
        raise Unavailable("volume update only valid for cluster volumes, but swarm is unavailable")

    async def remove(self, name: str, *, force: bool) -> None:
        """Remove a volume that no container was made with; raises NoSuchVolume, InUse."""
        await self._volumes.remove(name, force=force)

    async def prune(self, filters: Filters, *, named_too: bool) -> VolumesPruneReport:
        """Remove unused volumes: anonymous ones, or all with `named_too` or the filter `all`."""
        filters.check(PRUNE_FILTERS)
        everything = named_too or _truth(filters)
        deleted = []
        reclaimed = 0
        for volume in self._volumes:
            if self._volumes.users(volume.name) or not (everything or volume.is_anonymous):
                continue
            unwanted = "label!" in filters and filters.labels("label!", volume.labels)
            if unwanted or not filters.labels("label", volume.labels):
                continue
            size = await self._volumes.size(volume.name)
            try:
                await self._volumes.remove(volume.name)
            except EngineError:
                continue  # it came into use, or was removed, meanwhile
            deleted.append(volume.name)
            reclaimed += max(0, size)
        self._emit("volume", "prune", "", {"reclaimed": str(reclaimed)})
        return VolumesPruneReport(volumes_deleted=deleted, space_reclaimed=reclaimed)

    def _shown(self, volume: Volume) -> Shown:
        return _shown(self._volumes, volume)


async def usage(volumes: Volumes) -> list[Shown]:
    """Return all volumes with how much is in them and how many containers use them: `system df`."""
    found = []
    for volume in volumes:
        users, size = len(volumes.users(volume.name)), await volumes.size(volume.name)
        used = VolumeUsage(ref_count=users, size=size)
        found.append(msgspec.structs.replace(_shown(volumes, volume), usage_data=used))
    return found


def _shown(volumes: Volumes, volume: Volume) -> Shown:
    return Shown(
        created_at=rfc3339(volume.created // _SECOND * _SECOND),
        driver=LOCAL,
        labels=_or_none(volume.labels),
        mountpoint=volumes.mountpoint(volume.name),
        name=volume.name,
        options=_or_none(volume.options),
        scope="local",
    )


def _or_none(table: Mapping[str, str] | None) -> dict[str, str] | None:
    return dict(table) if table else None


def _truth(filters: Filters) -> bool:
    """Return the filter `all`, read as Go's strconv.ParseBool; raises InvalidParameter in its words."""
    values = filters.get("all")
    if not values:
        return False
    if len(values) > 1:
        raise InvalidParameter(f"invalid filter 'all=[{' '.join(values)}]'")
    if values[0] not in (*_TRUE, *_FALSE):
        raise InvalidParameter(
            f"invalid filter 'all': strconv.ParseBool: parsing \"{values[0]}\": invalid syntax"
        )
    return values[0] in _TRUE
