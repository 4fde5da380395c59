"""Bearer tokens for a registry: fetched from the realm it names, kept until they expire.

Source: the distribution project's token specification. Credentials go to a realm over https only, and not to
an address or name of this host or link, unless the registry itself is there (CVE-2020-15157 and its kin).
Times are of CLOCK_BOOTTIME, which no clock change moves.
"""

import base64
import time
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec

from wharf.limits import MIB
from wharf.registry.client.challenge import Challenge
from wharf.registry.client.refusal import refused
from wharf.registry.client.transport import Answer, Transport
from wharf.registry.credentials import Credentials
from wharf.registry.errors import InvalidDocument, UnsafeRealm
from wharf.registry.host import Origin

_DEFAULT_LIFE_S = 60.0
_CLIENT_ID = "docker"
_BODY = 1 * MIB


class _Token(msgspec.Struct):
    """The answer of a token server."""

    token: str = ""
    access_token: str = ""
    expires_in: float = _DEFAULT_LIFE_S


class _Kept(NamedTuple):
    header: str
    expires_at: float


class Tokens:
    """The `Authorization` header for each scope of one registry."""

    def __init__(self, transport: Transport, credentials: Credentials | None) -> None:
        self._transport = transport
        self._credentials = credentials or Credentials()
        self._challenge: Challenge | None = None
        self._kept: dict[str, _Kept] = {}

    def learn(self, challenges: list[Challenge]) -> None:
        """Take note of how the registry wants to be authenticated to; bearer is preferred."""
        known = {challenge.scheme: challenge for challenge in reversed(challenges)}
        self._challenge = known.get("bearer") or known.get("basic")

    @property
    def is_denied(self) -> bool:
        """Whether the registry said that our token does not cover the request (RFC 6750, section 3.1)."""
        return self._challenge is not None and self._challenge.parameters.get("error") == "insufficient_scope"

    def forget(self) -> None:
        """Drop all tokens: the registry did not take one."""
        self._kept.clear()

    async def header(self, scope: str) -> str | None:
        """Return the header for `scope` (`repository:library/x:pull`), or None when nothing is wanted.

        Several scopes are joined by spaces.

        Raises UnsafeRealm, Unreachable, NotAuthorized and the other refusals of a registry.
        """
        if self._credentials.registry_token:
            return f"Bearer {self._credentials.registry_token}"
        if self._challenge is None:
            return None
        if self._challenge.scheme == "basic":
            return self._basic() if self._credentials.username else None
        kept = self._kept.get(scope)
        if kept is None or kept.expires_at <= _now():
            kept = self._kept[scope] = await self._fetch(self._challenge, scope)
        return kept.header

    async def _fetch(self, challenge: Challenge, scope: str) -> _Kept:
        realm = challenge.parameters.get("realm", "")
        self._check_realm(realm)
        query = {"service": challenge.parameters.get("service", ""), "scope": scope}
        query = {name: value for name, value in query.items() if value}
        asked_at = _now()
        if self._credentials.identity_token:
            form = query | {
                "grant_type": "refresh_token",
                "refresh_token": self._credentials.identity_token,
                "client_id": _CLIENT_ID,
            }
            async with self._transport.post(realm, form) as answer:
                token = await _read(answer)
        else:
            if self._credentials.username:
                query["account"] = self._credentials.username
            fields = [(name, value) for name, value in query.items() if name != "scope"]
            fields += [("scope", one) for one in scope.split()]
            url = f"{realm}{'&' if '?' in realm else '?'}{urlencode(fields)}"
            authorization = self._basic() if self._credentials.username else None
            async with self._transport.get(url, {}, authorization=authorization) as answer:
                token = await _read(answer)
        life_s = max(token.expires_in, _DEFAULT_LIFE_S)
        return _Kept(f"Bearer {token.token or token.access_token}", asked_at + life_s * 0.9)

    def _check_realm(self, realm: str) -> None:
        """Refuse a realm that is less trustworthy than the registry; raises UnsafeRealm."""
        origin, registry = Origin.of(realm), self._transport.origin
        if origin.scheme != "https" and registry.scheme == "https":
            raise UnsafeRealm(realm)
        if _is_near(origin) and not _is_near(registry):
            raise UnsafeRealm(realm)

    def _basic(self) -> str:
        text = f"{self._credentials.username}:{self._credentials.password}"
        return f"Basic {base64.b64encode(text.encode()).decode()}"


async def _read(answer: Answer) -> _Token:
    body = await answer.body(_BODY)
    if answer.status != 200:
        raise refused(answer.status, body)
    try:
        token = msgspec.json.decode(body, type=_Token)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidDocument(f"unable to decode token response: {error}") from error
    header = token.token or token.access_token
    if not header or not header.isascii() or not header.isprintable() or " " in header:
        raise InvalidDocument("authorization server did not include a token in the response")
    return token


def _is_near(origin: Origin) -> bool:
    """Whether a host is written as an address, or is this host."""
    return origin.address is not None or origin.host == "localhost" or origin.host.endswith(".localhost")


def _now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
