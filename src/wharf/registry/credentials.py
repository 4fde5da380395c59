"""Who we are to a registry, kept out of logs and tracebacks."""

import base64
import binascii

import msgspec

from wharf.schema.registry import AuthConfig


class Credentials:
    """A user's name with a password, or a token; its text form shows none of that."""

    __slots__ = ("identity_token", "password", "registry_token", "username")

    def __init__(
        self, username: str = "", password: str = "", *, identity_token: str = "", registry_token: str = ""
    ) -> None:
        self.username = username
        self.password = password
        self.identity_token = identity_token
        """OAuth2 refresh token, instead of a password."""
        self.registry_token = registry_token
        """Bearer token to send as it is."""

    def basic(self) -> str:
        """Return name and password as the header `Authorization` takes them."""
        return f"Basic {base64.b64encode(f'{self.username}:{self.password}'.encode()).decode()}"

    def __repr__(self) -> str:
        return "Credentials(…)"

    def __bool__(self) -> bool:
        return bool(self.username or self.identity_token or self.registry_token)


def from_config(auth: AuthConfig) -> Credentials:
    """Return the credentials that the API gave."""
    return Credentials(
        auth.username, auth.password, identity_token=auth.identity_token, registry_token=auth.registry_token
    )


def decode_auth(header: str) -> Credentials | None:
    """Return the credentials in X-Registry-Auth; what cannot be read counts as none, as in Docker."""
    try:
        raw = base64.urlsafe_b64decode(header + "=" * (-len(header) % 4))
        return from_config(msgspec.json.decode(raw, type=AuthConfig))
    except (ValueError, binascii.Error, msgspec.DecodeError):
        return None
