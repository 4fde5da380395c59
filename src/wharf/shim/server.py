"""Who may ask a shim: the launch channel, and root's connections to `shim.sock` in the bundle.

The bundle is a folder of mode 0700, the socket is 0600, and the peer's uid is asked of the kernel beside.
No connection can hold the shim up: one that does not take its messages is cut off.
"""

import os
import socket
import struct
from collections.abc import Callable, Sequence

from wharf.failpoint import failpoint
from wharf.linux import seqpacket
from wharf.linux.seqpacket import ProtocolError
from wharf.shim import loop as event
from wharf.shim.loop import Loop

SOCKET = "shim.sock"

_UCRED = struct.Struct("iII")
_BACKLOG = 16

Answer = Callable[[dict[str, object]], None]
"""Sends an answer, without its `id`, to who asked, now or later; once."""

OnRequest = Callable[[dict[str, object], list[int], Answer], None]
"""Carries a request out, and takes from the list the descriptors it keeps; raises ProtocolError to have the
connection cut off."""


class Connection:
    """One peer."""

    __slots__ = ("_server", "_sock")

    def __init__(self, server: "Server", sock: socket.socket) -> None:
        sock.setblocking(False)
        self._server = server
        self._sock = sock
        server.loop.add(sock.fileno(), event.IN, self._on_ready)

    def send(self, message: dict[str, object], fds: Sequence[int] = ()) -> None:
        """Send, or cut the peer off."""
        if self._sock.fileno() < 0:
            return
        try:
            seqpacket.send(self._sock, message, fds)
        except OSError:
            self.close()

    def close(self) -> None:
        """Cut the peer off; harmless when done already."""
        if self._sock.fileno() < 0:
            return
        self._server.loop.remove(self._sock.fileno())
        self._sock.close()
        self._server.connections.remove(self)
        if not self._server.connections:
            self._server.on_alone()

    def _on_ready(self, _events: int) -> None:
        try:
            packet = seqpacket.receive(self._sock)
        except BlockingIOError:
            return
        except OSError:
            packet = None
        if packet is None:
            self.close()
            return
        message, fds = packet
        try:
            number = message.get("id")
            if type(number) is not int:
                raise ProtocolError("a request has an id")
            self._server.on_request(message, fds, lambda answer: self.send({"id": number, **answer}))
        except ProtocolError:
            self.close()
        finally:
            seqpacket.close_all(fds)


class Server:
    """Serves who connects, once it listens. `on_alone` is called when the last connection has ended."""

    __slots__ = ("_listener", "connections", "loop", "on_alone", "on_request")

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.on_request: OnRequest = _refuse
        self.on_alone: Callable[[], None] = _nothing
        self.connections: list[Connection] = []
        self._listener: socket.socket | None = None

    def listen(self, bundle: str, name: str = SOCKET) -> None:
        """Listen at the socket `name` in `bundle`; raises OSError."""
        self._listener = _listen(bundle, name)
        self.loop.add(self._listener.fileno(), event.IN, self._on_ready)

    @property
    def is_open(self) -> bool:
        """Whether it listens: between `listen` and `close`."""
        return self._listener is not None

    def adopt(self, sock: socket.socket) -> None:
        """Serve a connected socket, ours now."""
        self.connections.append(Connection(self, sock))

    def tell(self, message: dict[str, object], fds: Sequence[int] = ()) -> None:
        """Send an event to everybody."""
        for connection in list(self.connections):
            connection.send(message, fds)

    def close(self) -> None:
        """Take no more connections and end those there are."""
        self.on_alone = _nothing
        if self._listener is not None:
            self.loop.remove(self._listener.fileno())
            self._listener.close()
            self._listener = None
        for connection in list(self.connections):
            connection.close()

    def _on_ready(self, _events: int) -> None:
        assert self._listener is not None
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return  # it went away again, or we have no descriptor left: it stays in the backlog
        _, uid, _ = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
        if uid == 0:
            self.adopt(sock)
        else:
            sock.close()


def _refuse(_message: dict[str, object], _fds: list[int], _answer: Answer) -> None:
    raise ProtocolError("nothing to ask for yet")


def _nothing() -> None:
    """Nobody has to know."""


def _listen(bundle: str, name: str) -> socket.socket:
    """Return a listening socket in `bundle`, whose path may be longer than the 107 bytes of sun_path."""
    folder = os.open(bundle, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    umask = os.umask(0o177)
    try:
        failpoint("shim.listen")
        listener.bind(f"/proc/self/fd/{folder}/{name}")
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    finally:
        os.umask(umask)
        os.close(folder)
    return listener
