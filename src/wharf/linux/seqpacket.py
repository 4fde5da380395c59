"""Messages with descriptors between our processes: one datagram of an AF_UNIX SOCK_SEQPACKET socket each.

A message is one JSON object in UTF-8 of at most `limits.PACKET` bytes, with at most `limits.PACKET_FDS`
descriptors. What is longer, cut short, or not an object is refused with ProtocolError; nothing is unpickled.
Received descriptors are close-on-exec, and belong to the caller; those of a refused message are closed here.
Sources: unix(7), recvmsg(2), cmsg(3), RFC 8259.
"""

import errno
import json
import os
import socket
import struct
from collections.abc import Mapping, Sequence
from typing import NoReturn

from wharf import limits

_INT = struct.calcsize("i")
_ANCILLARY = socket.CMSG_LEN(limits.PACKET_FDS * _INT)
# As plain numbers: the operators of an enum run a good deal of Python.
_IS_CUT = int(socket.MSG_TRUNC)
_IS_SHORT_OF_FDS = int(socket.MSG_CTRUNC)


class ProtocolError(OSError):
    """The other side sent what this protocol does not have; the connection is of no further use."""

    def __init__(self, text: str) -> None:
        super().__init__(errno.EPROTO, text)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


# Made once; json.dumps and json.loads would do it at each call.
_to_text = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_from_text = json.JSONDecoder(parse_constant=_refuse_constant).decode


def pair() -> tuple[socket.socket, socket.socket]:
    """Return two connected sockets, both close-on-exec."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def encode(message: Mapping[str, object]) -> bytes:
    """Return `message` as one packet; raises OSError EMSGSIZE when it would be too long.

    All but ASCII is escaped, so that a file name with a lone surrogate (PEP 383) arrives as it left.
    """
    packet = _to_text(message).encode("ascii")
    if len(packet) > limits.PACKET:
        raise OSError(errno.EMSGSIZE, f"message of {len(packet)} bytes, at most {limits.PACKET} fit a packet")
    return packet


def decode(packet: bytes) -> dict[str, object]:
    """Return the object in `packet`; raises ProtocolError when there is none."""
    try:
        message = _from_text(packet.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"ill-formed message: {error}") from error
    if not isinstance(message, dict):
        raise ProtocolError(f"ill-formed message: {type(message).__name__} instead of an object")
    return message


def send(sock: socket.socket, message: Mapping[str, object], fds: Sequence[int] = ()) -> None:
    """Send `message` with copies of `fds`; blocks as the socket does.

    Raises OSError: EMSGSIZE, EINVAL for too many descriptors, EPIPE when the other side is gone, EAGAIN.
    """
    send_packet(sock, encode(message), fds)


def send_packet(sock: socket.socket, packet: bytes, fds: Sequence[int] = ()) -> None:
    """Send what `encode` returned, with copies of `fds`; a packet goes whole or not at all."""
    if len(fds) > limits.PACKET_FDS:
        raise OSError(errno.EINVAL, f"{len(fds)} descriptors, at most {limits.PACKET_FDS} fit a packet")
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack(f"{len(fds)}i", *fds))] if fds else []
    sock.sendmsg([packet], rights, socket.MSG_NOSIGNAL)


def receive(sock: socket.socket) -> tuple[dict[str, object], list[int]] | None:
    """Return the next message and its descriptors, or None at the end; blocks as the socket does.

    An empty packet cannot be told from the end, recv(2), and is the end. Raises ProtocolError as the module
    says, and OSError (EAGAIN).
    """
    try:
        packet, ancillary, flags, _ = sock.recvmsg(limits.PACKET, _ANCILLARY, socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:
        # The other side has gone without reading all of ours. That is told once, and before what it had sent.
        packet, ancillary, flags, _ = sock.recvmsg(limits.PACKET, _ANCILLARY, socket.MSG_CMSG_CLOEXEC)
    fds: list[int] = []
    for level, kind, data in ancillary:
        fds += _rights(level, kind, data)
    try:
        if flags & _IS_CUT:
            raise ProtocolError(f"message of more than {limits.PACKET} bytes")
        if flags & _IS_SHORT_OF_FDS:
            raise ProtocolError(f"message with more than {limits.PACKET_FDS} descriptors")
        if not packet:
            close_all(fds)
            return None
        return decode(packet), fds
    except ProtocolError:
        close_all(fds)
        raise


def _rights(level: int, kind: int, data: bytes) -> tuple[int, ...]:
    """Return the descriptors of one control message; the kernel cuts only between them."""
    if level != socket.SOL_SOCKET or kind != socket.SCM_RIGHTS:
        return ()
    count = len(data) // _INT
    return struct.unpack(f"{count}i", data[: count * _INT])


def close_all(fds: Sequence[int]) -> None:
    """Close each of `fds`."""
    for fd in fds:
        os.close(fd)
