"""A UDP port of the host that is held for a container, with what is carried between it and those who ask.

The packet filter leads most datagrams past it. Each one who asks gets a socket of his own, connected to the
container, so that answers find their way back; it goes when nothing has passed for a while.
"""

import contextlib
import socket
import struct
import time

from wharf.shim import loop as event
from wharf.shim.loop import Loop

Target = tuple[str, int]
"""Address and port in the container."""

_LARGEST = 64 * 1024
_BURST = 32
_PEERS_MAX = 512
"""How many may ask one port at a time; whoever has been silent longest makes room."""
_IDLE_S = 90.0
_IPV6_RECVPKTINFO, _IPV6_PKTINFO = 49, 50
_IP_PKTINFO = 8
_IN_PKTINFO = struct.Struct("=i4s4s")
"""struct in_pktinfo: link, the host's address for answers, the address asked."""

Client = tuple[str | int, ...]
"""A socket address, as Python has it."""
Ancillary = tuple[tuple[int, int, bytes], ...]


class HeldDatagrams:
    """One port, until `close`."""

    def __init__(self, loop: Loop, sock: socket.socket, target: Target) -> None:
        self.loop = loop
        self.target = target
        self._sock = sock
        sock.setblocking(False)
        self._peers: dict[tuple[Client, Ancillary], Peer] = {}
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        loop.add(sock.fileno(), event.IN, self._on_datagrams)

    @property
    def peers(self) -> int:
        """How many ask."""
        return len(self._peers)

    def close(self) -> None:
        """Let the port go, with all who ask."""
        self.loop.remove(self._sock.fileno())
        self._sock.close()
        for peer in list(self._peers.values()):
            peer.close()

    def answer(self, data: bytes, client: Client, here: Ancillary) -> None:
        """Send an answer from the address that was asked; one that cannot be sent is lost."""
        with contextlib.suppress(OSError):
            self._sock.sendmsg([data], here, socket.MSG_DONTWAIT, client)

    def forget(self, peer: "Peer") -> None:
        """Keep no place for one who is gone."""
        self._peers.pop((peer.client, peer.here), None)

    def _on_datagrams(self, _events: int) -> None:
        for _ in range(_BURST):
            try:
                data, ancillary, _flags, client = self._sock.recvmsg(_LARGEST, 128, socket.MSG_DONTWAIT)
            except OSError:
                return
            here = tuple(_for_answers(*one) for one in ancillary)
            peer = self._peers.pop((client, here), None)
            try:
                peer = peer or Peer(self, client, here)
            except OSError:
                continue
            if len(self._peers) >= _PEERS_MAX:
                next(iter(self._peers.values())).close()
            self._peers[client, here] = peer  # the last is who asked last
            peer.ask(data)


class Peer:
    """One who asks, until nothing passes for a while."""

    def __init__(self, port: HeldDatagrams, client: Client, here: Ancillary) -> None:
        self.client = client
        self.here = here
        self._port = port
        self._sock = socket.socket(
            socket.AF_INET6 if ":" in port.target[0] else socket.AF_INET, socket.SOCK_DGRAM
        )
        try:
            self._sock.setblocking(False)
            self._sock.connect(port.target)
        except OSError:
            self._sock.close()
            raise
        self._used_at = time.monotonic()
        self._timer = port.loop.later(_IDLE_S, self._look)
        port.loop.add(self._sock.fileno(), event.IN, lambda _: self._on_answers())

    def ask(self, data: bytes) -> None:
        """Carry a datagram to the container; one that it does not want is lost."""
        self._used_at = time.monotonic()
        with contextlib.suppress(OSError):
            self._sock.send(data)

    def close(self) -> None:
        """Let go; harmless when done already."""
        self._timer.cancel()
        if self._sock.fileno() >= 0:
            self._port.loop.remove(self._sock.fileno())
            self._sock.close()
        self._port.forget(self)

    def _on_answers(self) -> None:
        for _ in range(_BURST):
            try:
                data = self._sock.recv(_LARGEST)
            except OSError:  # nothing more, or the container refuses, which ends nothing
                return
            self._used_at = time.monotonic()
            self._port.answer(data, self.client, self.here)

    def _look(self) -> None:
        rest_s = self._used_at + _IDLE_S - time.monotonic()
        if rest_s <= 0:
            self.close()
        else:
            self._timer = self._port.loop.later(rest_s, self._look)


def _for_answers(level: int, kind: int, data: bytes) -> tuple[int, int, bytes]:
    """Return what makes an answer leave from the address asked; over which link is the routes' business."""
    if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO):
        _link, here, _asked = _IN_PKTINFO.unpack(data)
        return level, kind, _IN_PKTINFO.pack(0, here, bytes(4))
    return level, kind, data
