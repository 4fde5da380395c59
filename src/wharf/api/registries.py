"""The router of registries: login, search, and what a name leads to there."""

from collections.abc import Sequence
from typing import Protocol

from aiohttp import web

from wharf.api import answers
from wharf.api.call import Call
from wharf.api.routes import Routes
from wharf.errors import InvalidParameter
from wharf.schema.filters import Filters
from wharf.schema.registry import AuthConfig, AuthResponse, DistributionInspect, SearchResult


class RegistriesBackend(Protocol):
    """What this router needs of the engine; `auth` is the request's `X-Registry-Auth` as it came."""

    async def login(self, auth: AuthConfig) -> AuthResponse:
        """See whether a registry takes credentials."""

    async def search(self, term: str, *, limit: int, filters: Filters, auth: str) -> Sequence[SearchResult]:
        """Return what a registry finds for `term`; a limit of 0 is the usual one."""

    async def inspect(self, name: str, *, auth: str) -> DistributionInspect:
        """Return what a name leads to in its registry."""


class _Registries:
    def __init__(self, backend: RegistriesBackend) -> None:
        self._backend = backend

    async def login(self, call: Call) -> web.StreamResponse:
        call.end_with_client()
        return answers.json(await self._backend.login(await call.json(AuthConfig, needed=True)))

    async def search(self, call: Call) -> web.StreamResponse:
        limit = _limit(call.text("limit"))
        call.end_with_client()
        found = await self._backend.search(
            call.text("term"), limit=limit, filters=call.filters(), auth=_auth(call)
        )
        return answers.json(found)

    async def inspect(self, call: Call) -> web.StreamResponse:
        call.end_with_client()
        return answers.json(await self._backend.inspect(call.name, auth=_auth(call)))


def _auth(call: Call) -> str:
    return call.http.headers.get("X-Registry-Auth", "")


def _limit(text: str) -> int:
    try:
        return int(text or "0")
    except ValueError:
        raise InvalidParameter(
            f'invalid limit specified: strconv.Atoi: parsing "{text}": invalid syntax'
        ) from None


def routes(backend: RegistriesBackend) -> Routes:
    """Return the operations this router implements with `backend`."""
    registries = _Registries(backend)
    return {
        ("POST", "/auth"): registries.login,
        ("GET", "/images/search"): registries.search,
        ("GET", "/distribution/{name}/json"): registries.inspect,
    }
