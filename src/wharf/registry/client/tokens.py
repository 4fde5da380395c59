"""Bearer tokens for a registry: fetched from the realm it names, kept until they expire.

Source: the distribution project's token specification. Credentials go to a realm over https only, and not to
an address or name of this host or link, unless the registry itself is there (CVE-2020-15157 and its kin).
Times are of CLOCK_BOOTTIME, which no clock change moves.
"""

import time
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec

from wharf.limits import MIB
from wharf.registry.client.challenge import Challenge
from wharf.registry.client.refusal import refused
from wharf.registry.client.transport import Answer, Transport
from wharf.registry.credentials import Credentials
from wharf.registry.errors import InvalidDocument, NotAuthorized, UnsafeRealm
from wharf.registry.host import Origin

_DEFAULT_LIFE_S = 60.0
_CLIENT_ID = "docker"
_BODY = 1 * MIB


class _Token(msgspec.Struct):
    """The answer of a token server."""

    token: str = ""
    access_token: str = ""
    refresh_token: str = ""
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
            return self._credentials.basic() if self._credentials.username else None
        kept = self._kept.get(scope)
        if kept is None or kept.expires_at <= _now():
            kept = self._kept[scope] = await self._fetch(self._challenge, scope)
        return kept.header

    async def login(self, url: str) -> tuple[str, str]:
        """Return a header for `url`, of no scope, and the identity token that stands for it, empty for none.

        Raises UnsafeRealm, NotAuthorized (naming `url`), Unreachable.
        """
        if self._challenge is None or self._challenge.scheme == "basic":
            return self._credentials.basic(), self._credentials.identity_token
        try:
            token = await self._ask(self._challenge, "", offline=True)
        except NotAuthorized as error:
            raise NotAuthorized(f'Get "{url}": {error}') from error
        header = f"Bearer {token.token or token.access_token}"
        return header, token.refresh_token or self._credentials.identity_token

    @property
    def wants_password(self) -> bool:
        """Whether the registry asks for a name and a password, and we have none."""
        is_basic = self._challenge is not None and self._challenge.scheme == "basic"
        return is_basic and not self._credentials.username

    async def _fetch(self, challenge: Challenge, scope: str) -> _Kept:
        asked_at = _now()
        token = await self._ask(challenge, scope)
        life_s = max(token.expires_in, _DEFAULT_LIFE_S)
        return _Kept(f"Bearer {token.token or token.access_token}", asked_at + life_s * 0.9)

    async def _ask(self, challenge: Challenge, scope: str, *, offline: bool = False) -> _Token:
        """Fetch a token for `scope`; `offline` asks for one to use in the password's place, too."""
        realm = challenge.parameters.get("realm", "")
        self._check_realm(realm)
        service = challenge.parameters.get("service", "")
        if self._credentials.identity_token:
            form = {
                "client_id": _CLIENT_ID,
                "grant_type": "refresh_token",
                "refresh_token": self._credentials.identity_token,
                "scope": scope,
                "service": service,
            }
            async with self._transport.post(realm, form) as answer:
                return await _read(answer)
        fields = [("service", service)] if service else []
        if self._credentials.username:
            fields.append(("account", self._credentials.username))
        if offline:
            fields += [("client_id", _CLIENT_ID), ("offline_token", "true")]
        fields += [("scope", one) for one in scope.split()]
        url = f"{realm}{'&' if '?' in realm else '?'}{urlencode(fields)}"
        authorization = self._credentials.basic() if self._credentials.username else None
        async with self._transport.get(url, {}, authorization=authorization) as answer:
            return await _read(answer)

    def _check_realm(self, realm: str) -> None:
        """Refuse a realm that is less trustworthy than the registry; raises UnsafeRealm."""
        origin, registry = Origin.of(realm), self._transport.origin
        if origin.scheme != "https" and registry.scheme == "https":
            raise UnsafeRealm(realm)
        if _is_near(origin) and not _is_near(registry):
            raise UnsafeRealm(realm)


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
