"""A container's resolver: answers what the zone knows, and asks the host's servers for the rest.

It listens on sockets that were made inside the container's network namespace, where the packet filter leads
127.0.0.11:53 to them. What it asks elsewhere it asks from that namespace too, but for servers that the host
alone can reach (its loopback ones). A container on internal networks only is told of nothing beyond them.
"""

import os
import socket
from collections.abc import Callable, Sequence
from typing import NamedTuple

from wharf.keeper import message
from wharf.keeper.message import Code, Query, Type
from wharf.keeper.places import Place
from wharf.keeper.zone import Zone
from wharf.shim import loop as event
from wharf.shim.loop import Loop

SERVERS_MAX = 3
TIMEOUT_S = 4.0
QUERIES_MAX = 1024
"""How many questions of one container may wait for other servers."""
CONNECTIONS_MAX = 64
_IDLE_S = 10.0
_BURST = 64
_DATAGRAM = 65535
_RETRIED = frozenset({Code.SERVFAIL, Code.REFUSED})

Reply = Callable[[bytes], None]


class Upstream(NamedTuple):
    """A server to ask, from the container's namespace or from the host's."""

    address: str
    from_host: bool


class Settings(NamedTuple):
    """What is particular to one container."""

    upstreams: tuple[Upstream, ...] = ()
    forwards: bool = True
    """Whether anything outside may be asked at all."""
    forwards_single: bool = True
    """Whether names of one label are asked elsewhere (not where the user has set ndots)."""


class Resolver:
    """Serves one container until `close`; owns its sockets."""

    def __init__(
        self,
        loop: Loop,
        zone: Zone,
        container: str,
        place: Place,
        sockets: tuple[socket.socket, socket.socket],
    ) -> None:
        self.settings = Settings()
        self.waiting = 0
        self.connections: set[Connection] = set()
        self.asking: set[Asking] = set()
        self.loop = loop
        self.place = place
        self._zone = zone
        self._container = container
        self._udp, self._tcp = sockets
        for sock in sockets:
            sock.setblocking(False)
        loop.add(self._udp.fileno(), event.IN, self._on_datagrams)
        loop.add(self._tcp.fileno(), event.IN, self._on_connection)

    def close(self) -> None:
        """End all that is going on."""
        for sock in (self._udp, self._tcp):
            self.loop.remove(sock.fileno())
            sock.close()
        for connection in list(self.connections):
            connection.close()
        for asking in list(self.asking):
            asking.close()
        self.place.close()

    def resolve(self, data: bytes, reply: Reply, *, by_tcp: bool) -> None:
        """Answer the question in `data` through `reply`, now or later; what is no question is refused."""
        query = message.parse(data)
        if query is None:
            if (refusal := message.refuse(data, Code.FORMERR)) is not None:
                reply(refusal)
            return
        if (known := self._known(query)) is not None:
            reply(known if by_tcp else message.cut(known, query))
            return
        if not (self.settings.forwards and self.settings.upstreams):
            reply(message.answer(query, Code.SERVFAIL))
            return
        if not (self.settings.forwards_single or "." in query.name):
            reply(message.answer(query, Code.NOERROR))  # nothing: as the reference says it
            return
        if len(self.asking) >= QUERIES_MAX:
            reply(message.answer(query, Code.SERVFAIL))
            return
        Asking(self, query, data, reply, by_tcp=by_tcp).begin()

    def _known(self, query: Query) -> bytes | None:
        """Return the answer out of the zone; None where the zone does not know."""
        if not query.is_internet:
            return None
        if query.type == Type.PTR:
            name = self._zone.name_of(self._container, query.name)
            return None if name is None else message.answer(query, Code.NOERROR, [message.name_data(name)])
        if query.type not in (Type.A, Type.AAAA, Type.MX):
            return None
        addresses = self._zone.addresses(self._container, query.name)
        if addresses is None:
            return None
        wanted = (
            [] if query.type == Type.MX else [a for a in addresses if (":" in a) is (query.type == Type.AAAA)]
        )
        wanted.sort(
            key=lambda _: os.urandom(4)
        )  # `random` would seed itself anew in every child of the spawner
        return message.answer(query, Code.NOERROR, [message.address_data(address) for address in wanted])

    def _on_datagrams(self, _events: int) -> None:
        for _ in range(_BURST):
            try:
                data, sender = self._udp.recvfrom(_DATAGRAM)
            except OSError:
                return
            self.resolve(data, lambda response, sender=sender: self._send(response, sender), by_tcp=False)  # type: ignore[misc]

    def _send(self, response: bytes, receiver: tuple[str, int]) -> None:
        try:
            self._udp.sendto(response, receiver)
        except OSError:
            return  # the asker is gone, or slower than we: it asks again

    def _on_connection(self, _events: int) -> None:
        try:
            sock, _ = self._tcp.accept()
        except OSError:
            return
        if len(self.connections) >= CONNECTIONS_MAX:
            sock.close()
            return
        self.connections.add(Connection(self, sock))


class Connection:
    """Someone who asks by TCP: length and message, one after the other (RFC 1035, section 4.2.2)."""

    def __init__(self, resolver: Resolver, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._resolver = resolver
        self._sock = sock
        self._received = b""
        self._timer = resolver.loop.later(_IDLE_S, self.close)
        resolver.loop.add(sock.fileno(), event.IN, self._on_ready)

    def close(self) -> None:
        """Hang up; harmless when done already."""
        if self._sock.fileno() < 0:
            return
        self._timer.cancel()
        self._resolver.loop.remove(self._sock.fileno())
        self._sock.close()
        self._resolver.connections.discard(self)

    def _on_ready(self, _events: int) -> None:
        try:
            data = self._sock.recv(_DATAGRAM + 2)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        self._received += data
        while len(self._received) >= 2:
            length = int.from_bytes(self._received[:2], "big")
            if len(self._received) < 2 + length:
                return
            query, self._received = self._received[2 : 2 + length], self._received[2 + length :]
            self._resolver.resolve(query, self._reply, by_tcp=True)

    def _reply(self, response: bytes) -> None:
        """Send an answer; one that does not fit the socket's buffer ends the connection."""
        if self._sock.fileno() < 0:
            return
        framed = len(response).to_bytes(2, "big") + response
        try:
            sent = self._sock.send(framed, socket.MSG_NOSIGNAL)
        except OSError:
            sent = -1
        if sent != len(framed):
            self.close()


class Asking:
    """One question on its way to the servers outside, one after the other."""

    def __init__(self, resolver: Resolver, query: Query, data: bytes, reply: Reply, *, by_tcp: bool) -> None:
        self._resolver = resolver
        self._query = query
        self._data = data
        self._reply = reply
        self._by_tcp = by_tcp
        self._servers = list(resolver.settings.upstreams[:SERVERS_MAX])
        self._number = 0
        self._sock: socket.socket | None = None
        self._received = b""
        self._timer = resolver.loop.later(TIMEOUT_S, self._next)

    def begin(self) -> None:
        """Ask the first server."""
        self._resolver.asking.add(self)
        self._next()

    def close(self) -> None:
        """Give the question up."""
        self._hang_up()
        self._resolver.asking.discard(self)

    def _hang_up(self) -> None:
        self._timer.cancel()
        if self._sock is not None:
            self._resolver.loop.remove(self._sock.fileno())
            self._sock.close()
            self._sock = None

    def _next(self, failure: bytes | None = None) -> None:
        """Ask the next server; without one, `failure` is the answer, or else that nobody could say."""
        self._hang_up()
        while self._servers:
            server = self._servers.pop(0)
            try:
                self._ask(server)
            except OSError:
                continue
            return
        self._finish(failure or message.answer(self._query, Code.SERVFAIL))

    def _ask(self, server: Upstream) -> None:
        family = socket.AF_INET6 if ":" in server.address else socket.AF_INET
        kind = socket.SOCK_STREAM if self._by_tcp else socket.SOCK_DGRAM
        sock = self._resolver.place.socket(family, kind, from_host=server.from_host)
        try:
            sock.setblocking(False)
            failed = sock.connect_ex((server.address, 53))
            if failed and not (self._by_tcp and failed == 115):  # EINPROGRESS
                raise OSError(failed, os.strerror(failed))
            self._number = int.from_bytes(os.urandom(2), "big")
            self._received = b""
            if not self._by_tcp:
                sock.send(message.numbered(self._data, self._number))
        except BaseException:
            sock.close()
            raise
        self._sock = sock
        self._resolver.loop.add(
            sock.fileno(),
            event.OUT if self._by_tcp else event.IN,
            self._on_connected if self._by_tcp else self._on_datagram,
        )
        self._timer = self._resolver.loop.later(TIMEOUT_S, self._next)

    def _on_datagram(self, _events: int) -> None:
        assert self._sock is not None
        try:
            response = self._sock.recv(_DATAGRAM)
        except BlockingIOError:
            return
        except OSError:
            self._next()
            return
        if message.is_response_to(response, self._number, self._query.question):
            self._take(response)

    def _on_connected(self, _events: int) -> None:
        """Send the question over the connection that has come to be, or go on to the next server."""
        assert self._sock is not None
        framed = len(self._data).to_bytes(2, "big") + message.numbered(self._data, self._number)
        try:
            if error := self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(error, os.strerror(error))
            if self._sock.send(framed, socket.MSG_NOSIGNAL) != len(framed):
                raise OSError("cut short")
        except OSError:
            self._next()
            return
        self._resolver.loop.remove(self._sock.fileno())
        self._resolver.loop.add(self._sock.fileno(), event.IN, self._on_stream)

    def _on_stream(self, _events: int) -> None:
        assert self._sock is not None
        try:
            data = self._sock.recv(_DATAGRAM + 2)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._next()
            return
        self._received += data
        length = int.from_bytes(self._received[:2], "big")
        if len(self._received) >= 2 + length > 2:
            response = self._received[2 : 2 + length]
            if message.is_response_to(response, self._number, self._query.question):
                self._take(response)
            else:
                self._next()

    def _take(self, response: bytes) -> None:
        own = message.numbered(response, self._query.id)
        if message.code_of(response) in _RETRIED:
            self._next(own)
        else:
            self._finish(own)

    def _finish(self, response: bytes) -> None:
        self.close()
        self._reply(response)


def upstreams(texts: Sequence[str]) -> tuple[Upstream, ...]:
    """Return the servers of a list as wharfd sends it: an address, `host:` before those the host must ask."""
    return tuple(Upstream(text.removeprefix("host:"), text.startswith("host:")) for text in texts)
