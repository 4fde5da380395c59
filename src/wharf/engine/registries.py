"""Registries, for the API: logging in, searching, and looking without fetching."""

from urllib.parse import urlsplit

from wharf.errors import InvalidParameter
from wharf.registry.credentials import decode_auth, from_config
from wharf.registry.host import DEFAULT_DOMAIN
from wharf.registry.settings import RegistrySettings
from wharf.schema.filters import Filters
from wharf.schema.reference import Reference
from wharf.schema.registry import AuthConfig, AuthResponse, DistributionInspect, SearchResult

_INDEX_NAMES = frozenset({"", DEFAULT_DOMAIN, "index.docker.io", "registry-1.docker.io"})
_FILTERS = frozenset({"is-automated", "is-official", "stars"})
_LIMIT, _LIMIT_MAX = 25, 100


class Registries:
    """What the engine does with registries besides pulling and pushing."""

    def __init__(self, settings: RegistrySettings) -> None:
        self._settings = settings

    async def login(self, auth: AuthConfig) -> AuthResponse:
        """See whether a registry takes these credentials; raises NotAuthorized, Internal."""
        # The client's half of aiohttp is imported where it is needed first.
        from wharf.registry.client.login import login  # noqa: PLC0415 - see above

        token = await login(_domain(auth.server_address), from_config(auth), self._settings)
        return AuthResponse(identity_token=token, status="Login Succeeded")

    async def search(self, term: str, *, limit: int, filters: Filters, auth: str) -> list[SearchResult]:
        """Return what a registry finds, 25 at most where `limit` is 0.

        Raises InvalidParameter, Internal.
        """
        from wharf.registry.client.search import search  # noqa: PLC0415 - as in `login`

        filters.check(_FILTERS)
        only_official = filters.boolean("is-official", default=False) if "is-official" in filters else None
        only_automated = filters.boolean("is-automated", default=False) if "is-automated" in filters else None
        stars = max((_number(text) for text in filters.get("stars")), default=0)
        if limit and not 1 <= limit <= _LIMIT_MAX:
            raise InvalidParameter(f"limit {limit} is outside the range of [1, {_LIMIT_MAX}]")
        domain, remote = _index_of(term)
        found = await search(domain, remote, limit or _LIMIT, decode_auth(auth), self._settings)
        # Automated builds are no more: nothing is one, whatever an index says.
        return [
            each
            for each in found
            if only_official in {None, each.is_official}
            and only_automated is not True
            and each.star_count >= stars
        ]

    async def inspect(self, name: str, *, auth: str) -> DistributionInspect:
        """Return what `name` leads to in its registry; raises the errors of `wharf.registry.errors`."""
        from wharf.registry.client.inspect import inspect  # noqa: PLC0415 - as in `login`

        return await inspect(Reference.parse(name), decode_auth(auth), self._settings)


def _domain(address: str) -> str:
    """Return `host[:port]` of what a user calls a registry; raises InvalidParameter."""
    text = address if "://" in address else f"https://{address}"
    host = urlsplit(text).netloc
    for character in host:
        if character in ' "<>\\^`{|}':
            raise InvalidParameter(
                f'unable to parse server address: parse "{text}": '
                f'invalid character "{character}" in host name'
            )
    return DEFAULT_DOMAIN if host in _INDEX_NAMES else host


def _index_of(term: str) -> tuple[str, str]:
    """Return the registry to ask, and what for: a first word like a host is one."""
    first, slash, rest = term.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost"):
        return DEFAULT_DOMAIN, term.removeprefix("library/")
    if first in _INDEX_NAMES:
        return DEFAULT_DOMAIN, rest.removeprefix("library/")
    return first, rest


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidParameter(
            f"invalid filter 'stars={text}': strconv.Atoi: parsing \"{text}\": invalid syntax"
        ) from None
