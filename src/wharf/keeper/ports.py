"""Ports of the host that are held for a container, and the connections that come to them.

A socket that is bound keeps everybody else off its port. The packet filter leads most connections past it, to
the container; one that arrives here (over IPv6 to a container that has none, say) is carried over by hand,
and so are datagrams (`datagrams.py`). Where nothing is to be carried a connection is ended at once, and
datagrams are left lying in the socket's small buffer.
"""

import socket
from collections.abc import Sequence

from wharf.keeper.datagrams import HeldDatagrams, Target
from wharf.shim import loop as event
from wharf.shim.loop import Loop

_CHUNK = 64 * 1024
_BURST = 32
_CONNECTIONS_MAX = 512
"""How many connections to one port are carried by hand."""
_CONNECT_S = 10.0
_IN_PROGRESS = 115


class HeldPort:
    """One port, until `close`."""

    def __init__(self, loop: Loop, sock: socket.socket, target: Target | None) -> None:
        self.loop = loop
        self.target = target
        self.carried: set[Carried] = set()
        self._sock = sock
        if sock.type == socket.SOCK_STREAM:
            loop.add(sock.fileno(), event.IN, self._on_connection)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)

    def close(self) -> None:
        """Let the port go, with the connections that are carried."""
        self.loop.remove(self._sock.fileno())
        self._sock.close()
        for carried in list(self.carried):
            carried.close()

    def _on_connection(self, _events: int) -> None:
        for _ in range(_BURST):
            try:
                client, _address = self._sock.accept()
            except OSError:
                return
            if len(self.carried) >= _CONNECTIONS_MAX or self.target is None:
                client.close()
                continue
            self._carry(client, self.target)

    def _carry(self, client: socket.socket, target: Target) -> None:
        server = socket.socket(socket.AF_INET6 if ":" in target[0] else socket.AF_INET)
        client.setblocking(False)
        server.setblocking(False)
        if server.connect_ex(target) not in (0, _IN_PROGRESS):
            client.close()
            server.close()
            return
        self.carried.add(Carried(self, client, server))


class Carried:
    """One connection: two sockets, and what has been read of one and not yet written to the other."""

    def __init__(self, port: HeldPort, client: socket.socket, server: socket.socket) -> None:
        self._port = port
        self._ways = (Way(client, server), Way(server, client))
        self._connected = False
        self._timer = port.loop.later(_CONNECT_S, self._give_up)
        port.loop.add(client.fileno(), 0, lambda _: self._on_ready())
        port.loop.add(server.fileno(), event.OUT, lambda _: self._on_server())

    def close(self) -> None:
        """End both; harmless when done already."""
        self._timer.cancel()
        for way in self._ways:
            if way.source.fileno() >= 0:
                self._port.loop.remove(way.source.fileno())
                way.source.close()
        self._port.carried.discard(self)

    def _give_up(self) -> None:
        if not self._connected:
            self.close()

    def _on_server(self) -> None:
        if not self._connected:
            if self._ways[1].source.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self.close()
                return
            self._connected = True
        self._on_ready()

    def _on_ready(self) -> None:
        """Move what can be moved both ways, and wait for what is needed next."""
        try:
            for way in self._ways:
                way.move()
        except OSError:
            self.close()
            return
        if all(way.is_over for way in self._ways):
            self.close()
            return
        forth, back = self._ways
        self._port.loop.change(forth.source.fileno(), forth.reads | back.writes)
        self._port.loop.change(back.source.fileno(), back.reads | forth.writes)


class Way:
    """One direction of a carried connection."""

    def __init__(self, source: socket.socket, sink: socket.socket) -> None:
        self.source = source
        self.sink = sink
        self._held = b""
        self._ended = False
        self.is_over = False

    def move(self) -> None:
        """Read and write once, as far as either side can; the end is passed on."""
        if self.is_over:
            return
        if not self._held and not self._ended:
            try:
                self._held = self.source.recv(_CHUNK)
                self._ended = not self._held
            except BlockingIOError:
                return
        if self._held:
            try:
                self._held = self._held[self.sink.send(self._held, socket.MSG_NOSIGNAL) :]
            except BlockingIOError:
                return
        if self._ended and not self._held:
            self.sink.shutdown(socket.SHUT_WR)
            self.is_over = True

    @property
    def reads(self) -> int:
        """What to wait for at the source."""
        return event.IN if not self._held and not self._ended else 0

    @property
    def writes(self) -> int:
        """What to wait for at the sink."""
        return event.OUT if self._held else 0


Held = HeldPort | HeldDatagrams


def hold(loop: Loop, fds: Sequence[int], targets: Sequence[Target | None]) -> list[Held]:
    """Hold the ports of sockets, which are ours now."""
    return [_held(loop, socket.socket(fileno=fd), target) for fd, target in zip(fds, targets, strict=True)]


def _held(loop: Loop, sock: socket.socket, target: Target | None) -> Held:
    if sock.type == socket.SOCK_DGRAM and target is not None:
        return HeldDatagrams(loop, sock, target)
    return HeldPort(loop, sock, target)
