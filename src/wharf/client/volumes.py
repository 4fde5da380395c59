"""Volumes: `/volumes/…` of the Engine API."""

from __future__ import annotations

from collections.abc import Mapping

from wharf.client.engine import Engine
from wharf.client.query import encode_filters, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.client.shapes import Volume, VolumesPruned


def create(engine: Engine, wanted: Mapping[str, object]) -> str:
    """Return the name of the volume `wanted` describes, made if need be; of a new one when that has none."""
    made: Volume = engine.json("POST", "/volumes/create", body=wanted)
    return made["Name"]


def listing(engine: Engine, *, filters: Mapping[str, list[str]] | None = None) -> list[Volume]:
    """Return the volumes."""
    answer = engine.json("GET", "/volumes", {"filters": encode_filters(filters or {})})
    found: list[Volume] = answer["Volumes"] or []
    return found


def inspect(engine: Engine, volume: str) -> Volume:
    """Return all there is to know about `volume`."""
    details: Volume = engine.json("GET", f"/volumes/{quote(volume)}")
    return details


def inspect_raw(engine: Engine, volume: str) -> bytes:
    """Return the same as the engine wrote it."""
    return engine.raw("GET", f"/volumes/{quote(volume)}")


def remove(engine: Engine, volume: str, *, force: bool) -> None:
    """Remove `volume`; by force, one that is not there is no failure."""
    engine.raw("DELETE", f"/volumes/{quote(volume)}", {"force": True if force else None})


def prune(engine: Engine, *, filters: Mapping[str, list[str]]) -> VolumesPruned:
    """Remove the unused volumes that `filters` choose; return which, and the bytes that were in them."""
    pruned: VolumesPruned = engine.json("POST", "/volumes/prune", {"filters": encode_filters(filters)})
    return pruned
