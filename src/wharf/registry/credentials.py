"""Who we are to a registry, kept out of logs and tracebacks."""


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

    def __repr__(self) -> str:
        return "Credentials(…)"

    def __bool__(self) -> bool:
        return bool(self.username or self.identity_token or self.registry_token)
