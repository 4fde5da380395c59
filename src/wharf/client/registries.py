"""Registries: `/auth` and `/images/search` of the Engine API."""

from __future__ import annotations

import json
from collections.abc import Mapping

from wharf.client.engine import Engine
from wharf.client.query import encode_filters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.client.shapes import SearchResult


def login(engine: Engine, fields: Mapping[str, str]) -> dict[str, str]:
    """See whether a registry takes these credentials; return its status and, maybe, an identity token."""
    answer: dict[str, str] = engine.json("POST", "/auth", body=dict(fields))
    return answer


def search(
    engine: Engine,
    term: str,
    *,
    limit: int = 0,
    filters: Mapping[str, list[str]] | None = None,
    registry_auth: str = "",
) -> list[SearchResult]:
    """Return what a registry finds for `term`."""
    query = {"term": term, "limit": str(limit) if limit else None, "filters": encode_filters(filters or {})}
    headers = {"X-Registry-Auth": registry_auth} if registry_auth else {}
    with engine.request("GET", "/images/search", query, headers=headers) as response:
        rows: list[SearchResult] = json.loads(response.read()) or []
    return rows
