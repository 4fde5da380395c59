"""Netlink's messages and attributes: bytes in, bytes out; nothing here touches a socket.

Attributes are length-type-value, padded to four bytes; the two highest bits of the type are flags
(netlink(7), linux/netlink.h).
"""

import struct
import sys
from collections.abc import Iterator
from typing import NamedTuple

NLM_F_REQUEST = 0x1
NLM_F_ACK = 0x4
NLM_F_DUMP_INTR = 0x10
NLM_F_DUMP = 0x300
NLM_F_REPLACE = 0x100
NLM_F_EXCL = 0x200
NLM_F_CREATE = 0x400
NLM_F_APPEND = 0x800

NLMSG_NOOP = 1
NLMSG_ERROR = 2
NLMSG_DONE = 3

NLA_F_NESTED = 0x8000
_TYPE_MASK = 0x3FFF

_NATIVE = sys.byteorder
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
HEADER_SIZE = _HEADER.size


class Message(NamedTuple):
    """One request: its type, the flags beside NLM_F_REQUEST, and header-of-family plus attributes."""

    type: int
    flags: int
    body: bytes


class Received(NamedTuple):
    """One message from the kernel."""

    type: int
    flags: int
    sequence: int
    body: bytes


def encode(message: Message, sequence: int) -> bytes:
    """Return `message` as it goes on the wire; port id 0 lets the kernel fill in the socket's own."""
    size = HEADER_SIZE + len(message.body)
    header = _HEADER.pack(size, message.type, message.flags | NLM_F_REQUEST, sequence, 0)
    return header + message.body + bytes(-size % 4)


def decode(data: bytes) -> Iterator[Received]:
    """Yield the messages of one datagram; raises ValueError when it is ill-formed."""
    offset = 0
    while offset + HEADER_SIZE <= len(data):
        size, kind, flags, sequence, _port = _HEADER.unpack_from(data, offset)
        if size < HEADER_SIZE or offset + size > len(data):
            raise ValueError("netlink message with a wrong length")
        yield Received(kind, flags, sequence, data[offset + HEADER_SIZE : offset + size])
        offset += size + -size % 4


def attribute(kind: int, value: bytes) -> bytes:
    """Return one attribute with its padding."""
    size = 4 + len(value)
    return _ATTRIBUTE.pack(size, kind) + value + bytes(-size % 4)


def nested(kind: int, *attributes: bytes) -> bytes:
    """Return an attribute that holds attributes."""
    return attribute(kind | NLA_F_NESTED, b"".join(attributes))


def text(kind: int, value: str) -> bytes:
    """Return an attribute with a zero-terminated string."""
    return attribute(kind, value.encode() + b"\0")


def u8(kind: int, value: int) -> bytes:
    """Return an attribute with one byte."""
    return attribute(kind, bytes((value,)))


def u32(kind: int, value: int) -> bytes:
    """Return an attribute with a 32-bit number in the machine's order."""
    return attribute(kind, value.to_bytes(4, _NATIVE))


def be32(kind: int, value: int) -> bytes:
    """Return an attribute with a 32-bit number in network order, as nf_tables wants them."""
    return attribute(kind, value.to_bytes(4, "big"))


def be64(kind: int, value: int) -> bytes:
    """Return an attribute with a 64-bit number in network order."""
    return attribute(kind, value.to_bytes(8, "big"))


def attribute_list(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type (without flags) and value of each attribute; a rest too short for one is padding."""
    offset = 0
    while offset + 4 <= len(data):
        size, kind = _ATTRIBUTE.unpack_from(data, offset)
        if size < 4 or offset + size > len(data):
            raise ValueError("netlink attribute with a wrong length")
        yield kind & _TYPE_MASK, data[offset + 4 : offset + size]
        offset += size + -size % 4


def attributes(data: bytes) -> dict[int, bytes]:
    """Return the attributes of `data` by type; of equal ones the last stays."""
    return dict(attribute_list(data))


def number(value: bytes) -> int:
    """Return the number, in the machine's order, that `value` holds."""
    return int.from_bytes(value, _NATIVE)


def string(value: bytes) -> str:
    """Return the text before the first zero byte."""
    return value.partition(b"\0")[0].decode(errors="replace")
