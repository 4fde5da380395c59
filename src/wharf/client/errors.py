"""What can go wrong between a client and an engine.

ClientError
├── ApiError            the engine answered, and the answer is no
├── CannotConnect       nothing answers at the engine's address
├── BadAddress          the address itself makes no sense, or names a way that is not spoken here
└── BrokenAnswer        what came back is not the HTTP that was expected
"""


class ClientError(Exception):
    """Base of all of them; `str(error)` is the whole message, in the words of Docker's client."""


class ApiError(ClientError):
    """The engine refused: `status` is the HTTP status, `message` its own words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"Error response from daemon: {message}")
        self.status = status
        self.message = message


class CannotConnect(ClientError):
    """Nobody answers at `host` (a URL), for the reason in `__cause__`."""

    def __init__(self, host: str, detail: str = "") -> None:
        super().__init__(
            detail or f"Cannot connect to the Docker daemon at {host}. Is the docker daemon running?"
        )
        self.host = host


class BadAddress(ClientError):
    """The engine's address cannot be used."""


class BrokenAnswer(ClientError):
    """The engine, or something in its place, does not speak HTTP/1.1 as it should."""
