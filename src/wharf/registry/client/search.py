"""Searching: version 1 of Docker's index, which only Docker Hub and a few others still speak."""

from http import HTTPStatus
from urllib.parse import urlencode

import msgspec

from wharf.limits import MIB
from wharf.registry.client.transport import Answer, Transport
from wharf.registry.credentials import Credentials
from wharf.registry.errors import InvalidDocument, SearchFailed, Unreachable, UnusableEndpoint
from wharf.registry.host import DEFAULT_DOMAIN, Host, is_insecure
from wharf.registry.settings import RegistrySettings
from wharf.schema.registry import SearchResult

_INDEX = "index.docker.io"
_BODY = 4 * MIB


class _Found(msgspec.Struct):
    results: list[SearchResult] | None = None


async def search(
    domain: str, term: str, limit: int, auth: Credentials | None, settings: RegistrySettings
) -> list[SearchResult]:
    """Return what the registry `domain` finds for `term`.

    Raises SearchFailed, UnusableEndpoint, Unreachable, InvalidDocument.
    """
    if domain == DEFAULT_DOMAIN:
        return await _ask(Host(f"https://{_INDEX}", True, _INDEX), term, limit, auth, settings)
    host = await _answering(domain, settings)
    return await _ask(host, term, limit, auth, settings)


async def _answering(domain: str, settings: RegistrySettings) -> Host:
    """Return where an index answers at all."""
    if not is_insecure(domain, settings):
        candidates = [Host(f"https://{domain}", True, domain)]
    else:
        candidates = [Host(f"{scheme}://{domain}", False, domain) for scheme in ("https", "http")]
    failures: list[str] = []
    for host in candidates:
        transport = Transport(host, settings)
        try:
            async with transport.get(f"{host.base}/v1/_ping", {}):
                return host
        except Unreachable as error:
            failures.append(str(error))
        finally:
            await transport.close()
    raise UnusableEndpoint(candidates[-1].base, failures)


async def _ask(
    host: Host, term: str, limit: int, auth: Credentials | None, settings: RegistrySettings
) -> list[SearchResult]:
    url = f"{host.base}/v1/search?{urlencode({'q': term, 'n': limit})}"
    authorization = auth.basic() if auth is not None and auth.username else None
    transport = Transport(host, settings)
    try:
        async with transport.get(url, {"X-Docker-Token": "true"}, authorization=authorization) as answer:
            return await _read(answer)
    finally:
        await transport.close()


async def _read(answer: Answer) -> list[SearchResult]:
    if answer.status != HTTPStatus.OK:
        raise SearchFailed(answer.status)
    try:
        found = msgspec.json.decode(await answer.body(_BODY), type=_Found)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidDocument(f"error decoding registry search results: {error}") from error
    return found.results or []
