"""The messages between the caller and the process that is made for it, and the channel they travel on.

It sends Born, Opened (descriptors, if there are any), Ready, and Started right before execve(2); or Failed,
after any of them. The caller of a container sends Start, which is waited for between Ready and Started. The
end of the channel after Started means that execve(2) has succeeded, for every end but the caller's is
close-on-exec. Each is one JSON object in one packet; anything else is refused.
"""

import os
import socket
from collections.abc import Sequence
from typing import Any, NamedTuple

from wharf.linux import seqpacket
from wharf.linux.seqpacket import ProtocolError

_TEXT = 16_384


class Born(NamedTuple):
    """There is a process, a child of the caller's; `pid` is the caller's number of it."""

    pid: int


class Opened(NamedTuple):
    """Descriptors made inside the container, in this order: the master of its console, its netlink socket."""

    console: bool
    netlink: bool


class Ready(NamedTuple):
    """Everything is made; only execve is left."""


class Started(NamedTuple):
    """The program is executed now: `at` is the time in nanoseconds of the wall clock."""

    at: int


class Failed(NamedTuple):
    """A step was refused; whoever says so ends. `kind` is a key of `errors.KINDS`."""

    text: str
    kind: str


class Start(NamedTuple):
    """Execute the program."""


Message = Born | Opened | Ready | Started | Failed | Start

_KINDS: dict[str, type[Message]] = {
    kind.__name__.lower(): kind for kind in (Born, Opened, Ready, Started, Failed, Start)
}
_TYPES: dict[str, type] = {"pid": int, "console": bool, "netlink": bool, "at": int, "text": str, "kind": str}


def to_object(message: Message) -> dict[str, object]:
    """Return what is sent for `message`."""
    if isinstance(message, Failed):
        message = message._replace(text=message.text[:_TEXT])
    return {"message": type(message).__name__.lower(), **dict(zip(message._fields, message, strict=True))}


def from_object(fields: dict[str, object]) -> Message:
    """Return the message that was sent; raises ProtocolError for anything else."""
    kind = _KINDS.get(str(fields.get("message")))
    if kind is None or fields.keys() != {"message", *kind._fields}:
        raise ProtocolError("ill-formed message from a process being made")
    values: list[Any] = []
    for name in kind._fields:
        if type(fields[name]) is not _TYPES[name]:
            raise ProtocolError("ill-typed message from a process being made")
        values.append(fields[name])
    return kind(*values)


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
