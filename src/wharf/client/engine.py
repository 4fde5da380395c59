"""An engine, seen from its client: requests with the right version, errors as exceptions, streams, hijacking.

The version is settled without a question of its own: the first request names the newest version this
client speaks; an engine that is older says so (400, with the newest it knows, before it has looked at
anything else), and the request is sent again with that. A streamed upload cannot be sent twice, so a
`HEAD /_ping` precedes it.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable, Iterator, Mapping

from wharf import __version__
from wharf.client.address import Address
from wharf.client.errors import ApiError, BrokenAnswer, CannotConnect
from wharf.client.http import Connection, Response, ServerClosed
from wharf.client.query import Query, encode_query, version_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NEWEST = "1.51"
"""The newest version of the Engine API that this client speaks."""

_TOO_NEW = "Maximum supported API version is "


class Hijacked:
    """A connection that has become a raw stream: `sock` is the caller's, `leftover` what came early."""

    __slots__ = ("leftover", "sock")

    def __init__(self, sock: socket.socket, leftover: bytes) -> None:
        self.sock = sock
        self.leftover = leftover

    def __enter__(self) -> Hijacked:  # noqa: PYI034 - Self is worth no import of typing
        return self

    def __exit__(self, *_details: object) -> None:
        self.sock.close()


class Engine:
    """The engine at `address`. One connection is kept for the next request when an answer leaves it idle.

    Every method that asks something raises ApiError when the engine refuses, CannotConnect when nobody
    answers.
    """

    def __init__(
        self, address: Address, *, version: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        """`version` fixes the API version, as DOCKER_API_VERSION does; `headers` go with every request."""
        self.address = address
        self._version = version or NEWEST
        self._settled = bool(version)
        self._headers = dict(headers or {})
        self._idle: Connection | None = None

    @property
    def version(self) -> str:
        """The API version in use; the engine's own limit is known after the first answer only."""
        return self._version

    def adopt(self, sock: socket.socket) -> None:
        """Use `sock`, connected to the engine already, for the next request."""
        self._idle = Connection(sock)

    def ping(self) -> dict[str, str]:
        """Return the headers of `HEAD /_ping` and settle the version by them."""
        response = self._exchange("HEAD", "/_ping", None, {})
        self.finish(response)
        if response.status >= 400:
            raise ApiError(response.status, f"ping failed with status {response.status}")
        self._settle(response.headers.get("api-version", "1.24"))
        return response.headers

    def _settle(self, server_version: str) -> None:
        if not self._settled:
            self._version = min(NEWEST, server_version, key=version_key)
            self._settled = True

    def request(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        *,
        body: object = None,
        stream: Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Return the answer to `path` (without its version), its body unread.

        `body` is sent as JSON; `stream` in chunks as it comes. Query values: None is left out, True is "1",
        a list repeats the name.
        """
        if stream is not None and not self._settled:
            self.ping()
        fields = {**self._headers, **(headers or {})}
        payload: bytes | Iterable[bytes] | None = stream
        if stream is not None:
            fields["Transfer-Encoding"] = "chunked"
        elif body is not None:
            payload = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode(
                "utf-8", "surrogateescape"
            )
            fields["Content-Type"] = "application/json"
            fields["Content-Length"] = str(len(payload))
        elif method == "POST":
            fields["Content-Length"] = "0"
        target = path + encode_query(query)
        response = self._exchange(method, f"/v{self._version}{target}", payload, fields)
        if response.status >= 400:
            message = self._error_text(response)
            if response.status == 400 and not self._settled and _TOO_NEW in message:
                self._settle(message.rpartition(_TOO_NEW)[2].split()[0].rstrip(".,"))
                return self.request(method, path, query, body=body, headers=headers)
            raise ApiError(response.status, message)
        self._settled = True
        return response

    def json(
        self, method: str, path: str, query: Query | None = None, *, body: object = None
    ) -> Any:  # the nouns' modules say what an answer looks like
        """Return the answer decoded, None for an empty one."""
        raw = self.raw(method, path, query, body=body)
        return json.loads(raw) if raw.strip() else None

    def raw(self, method: str, path: str, query: Query | None = None, *, body: object = None) -> bytes:
        """Return the bytes of the answer."""
        response = self.request(method, path, query, body=body)
        return self._whole(response)

    def events(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        *,
        stream: Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[dict[str, object]]:
        """Yield the JSON objects of a streamed answer, one a line, as they arrive."""
        response = self.request(method, path, query, stream=stream, headers=headers)
        decoder = json.JSONDecoder()
        for line in response.lines():
            text = line.decode("utf-8", "replace")
            at = 0
            while at < len(text):
                value, at = decoder.raw_decode(text, at)
                at = len(text) - len(text[at:].lstrip())
                yield value
        self.finish(response)

    def hijack(self, path: str, query: Query | None = None, *, body: object = None) -> Hijacked:
        """POST to `path`, asking for the connection itself; return it as a raw stream."""
        headers = {"Connection": "Upgrade", "Upgrade": "tcp"}
        if body is None:
            headers["Content-Type"] = "text/plain"
        response = self.request("POST", path, query, body=body, headers=headers)
        if response.status not in (101, 200):
            response.close()
            raise BrokenAnswer(
                f"unable to upgrade to tcp, received {response.status} instead of 101 switching protocols"
            )
        connection = response.connection
        return Hijacked(connection.sock, connection.take_buffer())

    def close(self) -> None:
        """Drop the idle connection."""
        if self._idle:
            self._idle.close()
            self._idle = None

    def _exchange(
        self, method: str, target: str, payload: bytes | Iterable[bytes] | None, headers: Mapping[str, str]
    ) -> Response:
        fields = {"Host": self.address.host, "User-Agent": f"Wharf-Client/{__version__} (linux)", **headers}
        lines = [f"{method} {self.address.base_path}{target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in fields.items()]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
        while True:
            connection = self._connection()
            try:
                connection.send(head, payload)
                status, answered = connection.receive_head()
            except ServerClosed as error:
                connection.close()
                if connection.reused and (payload is None or isinstance(payload, bytes)):
                    continue  # it had idled too long for the engine; nothing was done yet
                raise CannotConnect(
                    self.address.url, f"error during connect: {method} {self.address.url}: EOF"
                ) from error
            except BrokenAnswer:
                connection.close()
                raise
            except OSError as error:
                connection.close()
                raise CannotConnect(
                    self.address.url, f"error during connect: {method} {self.address.url}: {error.strerror}"
                ) from error
            return Response(connection, status, answered, bodyless=method == "HEAD")

    def _connection(self) -> Connection:
        if connection := self._idle:
            self._idle = None
            return connection
        return Connection(self.address.connect())

    def _whole(self, response: Response) -> bytes:
        try:
            content = response.read()
        except BaseException:
            response.close()
            raise
        self.finish(response)
        return content

    def finish(self, response: Response) -> None:
        """Keep the connection of an answer that was read for the next request, or close it."""
        if response.reusable and self._idle is None:
            response.connection.reused = True
            self._idle = response.connection
        else:
            response.close()

    def _error_text(self, response: Response) -> str:
        text = self._whole(response).decode("utf-8", "replace").strip()
        if response.headers.get("content-type", "").startswith("application/json"):
            try:
                answer = json.loads(text)
                if isinstance(answer, dict) and answer.get("message"):
                    return str(answer["message"]).strip()
            except ValueError:
                pass
        return (
            text
            or f"request returned status {response.status} for API route, check if the server supports it"
        )
