"""Where an engine listens: `unix:///path` or `tcp://host:port`, and a connected socket from it.

Refused with a clear error: TLS, ssh and named pipes, and everything Docker's client would refuse.
"""

from __future__ import annotations

import socket

from wharf.client.errors import BadAddress, CannotConnect

DEFAULT_PORT = 2375
"""The port of a tcp address that names none, as Docker has it for connections without TLS."""


class Address:
    """An engine's address; `url` is what the user wrote, `host` the Host header for it."""

    __slots__ = ("_target", "base_path", "host", "scheme", "url")

    def __init__(self, url: str) -> None:
        """Read `url`.

        Raises:
            BadAddress: it is no address, or one of a kind that is not spoken here.
        """
        scheme, separator, rest = url.partition("://")
        if not separator or (not rest and scheme != "unix"):
            raise BadAddress(f"unable to parse docker host `{url}`")
        self.url = url
        self.scheme = scheme
        self.base_path = ""
        self._target: str | tuple[str, int]
        if scheme == "unix":
            self._target = rest
            self.host = "api.moby.localhost"
        elif scheme in ("tcp", "http"):
            authority, slash, path = rest.partition("/")
            self.base_path = (slash + path).rstrip("/")
            self._target = _host_and_port(url, authority)
            self.host = authority
        elif scheme in ("ssh", "https"):
            raise BadAddress(f"{scheme} connections are not available yet: {url}")
        else:
            raise BadAddress(f"unable to resolve docker endpoint: invalid bind address format: {url}")

    def connect(self) -> socket.socket:
        """Return a connected, blocking socket.

        Raises:
            CannotConnect: nobody answers there.
        """
        try:
            if isinstance(self._target, str):
                sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
                try:
                    sock.connect(self._target)
                except BaseException:
                    sock.close()
                    raise
                return sock
            sock = socket.create_connection(self._target)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except PermissionError as error:
            raise CannotConnect(
                self.url,
                f"permission denied while trying to connect to the Docker daemon socket at {self.url}",
            ) from error
        except OSError as error:
            raise CannotConnect(self.url) from error


def _host_and_port(url: str, authority: str) -> tuple[str, int]:
    host, separator, port = authority.rpartition(":")
    if not separator or port.endswith("]"):
        host, port = authority, str(DEFAULT_PORT)
    if not port.isdigit() or int(port) > 65535:
        raise BadAddress(f"unable to resolve docker endpoint: invalid bind address format: {url}")
    return host.strip("[]") or "localhost", int(port)
