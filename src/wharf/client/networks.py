"""Networks: `/networks/…` of the Engine API."""

from __future__ import annotations

from collections.abc import Mapping

from wharf.client.engine import Engine
from wharf.client.query import encode_filters, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.client.shapes import NetworkSummary


def listing(engine: Engine, *, filters: Mapping[str, list[str]] | None = None) -> list[NetworkSummary]:
    """Return the networks."""
    rows: list[NetworkSummary] = engine.json("GET", "/networks", {"filters": encode_filters(filters or {})})
    return rows


def inspect_raw(engine: Engine, network: str, *, verbose: bool = False, scope: str = "") -> bytes:
    """Return all there is to know about `network`, as the engine wrote it."""
    query = {"verbose": True if verbose else None, "scope": scope or None}
    return engine.raw("GET", f"/networks/{quote(network)}", query)
