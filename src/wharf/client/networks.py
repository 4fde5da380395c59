"""Networks: `/networks/…` of the Engine API."""

from __future__ import annotations

from collections.abc import Mapping

from wharf.client.engine import Engine
from wharf.client.query import encode_filters, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.client.shapes import CreatedNetwork, NetworkSummary


def listing(engine: Engine, *, filters: Mapping[str, list[str]] | None = None) -> list[NetworkSummary]:
    """Return the networks."""
    rows: list[NetworkSummary] = engine.json("GET", "/networks", {"filters": encode_filters(filters or {})})
    return rows


def inspect_raw(engine: Engine, network: str, *, verbose: bool = False, scope: str = "") -> bytes:
    """Return all there is to know about `network`, as the engine wrote it."""
    query = {"verbose": True if verbose else None, "scope": scope or None}
    return engine.raw("GET", f"/networks/{quote(network)}", query)


def create(engine: Engine, request: Mapping[str, object]) -> CreatedNetwork:
    """Make a network."""
    created: CreatedNetwork = engine.json("POST", "/networks/create", body=request)
    return created


def remove(engine: Engine, network: str) -> None:
    """Remove `network`."""
    engine.raw("DELETE", f"/networks/{quote(network)}")


def prune(engine: Engine, *, filters: Mapping[str, list[str]]) -> list[str]:
    """Remove all networks that nobody uses; return their names."""
    report = engine.json("POST", "/networks/prune", {"filters": encode_filters(filters)})
    return report.get("NetworksDeleted") or []


def connect(engine: Engine, network: str, container: str, settings: Mapping[str, object]) -> None:
    """Connect `container` to `network`."""
    body = {"Container": container, "EndpointConfig": settings}
    engine.raw("POST", f"/networks/{quote(network)}/connect", body=body)


def disconnect(engine: Engine, network: str, container: str, *, force: bool) -> None:
    """Take `container` off `network`."""
    body = {"Container": container, "Force": force}
    engine.raw("POST", f"/networks/{quote(network)}/disconnect", body=body)
