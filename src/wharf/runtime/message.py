"""The messages between the caller and the process it makes, and the channel they travel on.

The child sends Opened (descriptors, once), then Ready or Failed; the caller sends Joined when the child is
in its cgroups, and Start. The end of the channel after Start means that execve(2) has succeeded, for the
child's end is close-on-exec. Each is one JSON object in one packet; anything else is refused.
"""

import os
import socket
from collections.abc import Sequence
from typing import NamedTuple

from wharf.linux import seqpacket
from wharf.linux.seqpacket import ProtocolError

_TEXT = 16_384


class Opened(NamedTuple):
    """Descriptors made inside the container, in this order: the master of its console, its netlink socket."""

    console: bool
    netlink: bool


class Ready(NamedTuple):
    """Everything is made; only execve is left, after Start."""


class Failed(NamedTuple):
    """A step was refused; the child ends."""

    text: str
    kind: str


class Start(NamedTuple):
    """Execute the program."""


Message = Opened | Ready | Failed | Start

_BARE: dict[str, Message] = {"ready": Ready(), "start": Start()}
_BARE_NAMES = {type(message): name for name, message in _BARE.items()}


def to_object(message: Message) -> dict[str, object]:
    """Return what is sent for `message`."""
    if isinstance(message, Opened):
        return {"message": "opened", "console": message.console, "netlink": message.netlink}
    if isinstance(message, Failed):
        return {"message": "failed", "text": message.text[:_TEXT], "kind": message.kind}
    return {"message": _BARE_NAMES[type(message)]}


def from_object(fields: dict[str, object]) -> Message:
    """Return the message that was sent; raises ProtocolError for anything else."""
    match fields:
        case {"message": "opened", "console": bool(console), "netlink": bool(netlink)}:
            return Opened(console, netlink)
        case {"message": "failed", "text": str(text), "kind": str(kind)}:
            return Failed(text, kind)
        case {"message": str(name)} if name in _BARE:
            return _BARE[name]
        case _:
            raise ProtocolError("ill-formed message from the container's init")


class Channel:
    """One end; owns its socket.

    Without descriptors it uses read(2) and write(2), since a container's own seccomp filter, which the
    last messages of the child pass, may allow nothing else.
    """

    __slots__ = ("_socket",)

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    @classmethod
    def pair(cls) -> "tuple[Channel, Channel]":
        """Return the caller's and the child's end."""
        ours, theirs = seqpacket.pair()
        return cls(ours), cls(theirs)

    def send(self, message: Message, fds: Sequence[int] = ()) -> None:
        """Send `message`; raises OSError, EPIPE when the other side is gone."""
        if fds:
            seqpacket.send(self._socket, to_object(message), fds)
        else:
            os.write(self._socket.fileno(), seqpacket.encode(to_object(message)))

    def receive(self) -> Message | None:
        """Return the next message, or None at the end; one that brings descriptors is refused."""
        packet = os.read(self._socket.fileno(), _TEXT * 8)
        return from_object(seqpacket.decode(packet)) if packet else None

    def receive_with_fds(self) -> tuple[Message | None, list[int]]:
        """Return the next message and its descriptors, which are the caller's then."""
        received = seqpacket.receive(self._socket)
        if received is None:
            return None, []
        fields, fds = received
        try:
            return from_object(fields), fds
        except ProtocolError:
            seqpacket.close_all(fds)
            raise

    def is_ended(self) -> bool:
        """Return whether the other side is gone and has left nothing to receive."""
        try:
            return not self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False

    def close(self) -> None:
        """Close this end; twice does no harm."""
        self._socket.close()
