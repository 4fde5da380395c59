"""The engine itself: version, information, events; and inspection of the kinds that have no module yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wharf.client.engine import Engine
from wharf.client.http import Response
from wharf.client.query import encode_filters, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wharf.client.shapes import Version


def version(engine: Engine) -> Version:
    """Return the engine's version and those of its parts."""
    answer: Version = engine.json("GET", "/version")
    return answer


def info(engine: Engine) -> dict[str, Any]:
    """Return what the engine says about itself and its host."""
    answer: dict[str, Any] = engine.json("GET", "/info")
    return answer


def disk_usage(engine: Engine) -> dict[str, Any]:
    """Return what images, containers, volumes and the build cache use."""
    answer: dict[str, Any] = engine.json("GET", "/system/df")
    return answer


def events(
    engine: Engine, *, since: str = "", until: str = "", filters: Mapping[str, list[str]] | None = None
) -> Iterator[dict[str, object]]:
    """Yield events as they happen, from `since` and up to `until` (times as the API takes them)."""
    query = {"since": since or None, "until": until or None, "filters": encode_filters(filters or {})}
    return engine.events("GET", "/events", query)


def events_response(engine: Engine, *, filters: Mapping[str, list[str]]) -> Response:
    """Return the same as an answer whose body has a line for every event to come."""
    return engine.request("GET", "/events", {"filters": encode_filters(filters)})


def inspect_raw(engine: Engine, kind: str, name: str) -> bytes:
    """Return an object of `kind` (the plural in its path: volumes, nodes, …) as the engine wrote it."""
    suffix = "/json" if kind == "plugins" else ""
    return engine.raw("GET", f"/{kind}/{quote(name)}{suffix}")
