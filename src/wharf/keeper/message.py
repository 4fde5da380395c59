"""DNS messages, as far as a resolver that knows few records must read and write them (RFC 1035, RFC 6891)."""

import enum
import socket
import struct
from collections.abc import Sequence
from typing import NamedTuple

TTL_S = 600
UDP_MAX = 512
_HEADER = struct.Struct(">HHHHHH")
_QUESTION = struct.Struct(">HH")
_RECORD = struct.Struct(">HHIH")
"""Type, class, time to live, length of the data; behind the name."""
_POINTER_TO_QUESTION = b"\xc0\x0c"
_NAME_MAX = 255
_CLASS_IN = 1
_OPT = 41

_QR, _AA, _TC, _RD, _RA = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080
_OPCODE = 0x7800


class Type(enum.IntEnum):
    """Types of records that are answered from what is known here."""

    A = 1
    PTR = 12
    MX = 15
    AAAA = 28


class Code(enum.IntEnum):
    """Response codes."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5


class Query(NamedTuple):
    """A question; `name` is in lower case and without its last dot."""

    id: int
    flags: int
    name: str
    type: int
    is_internet: bool
    question: bytes
    """The question section as it came."""
    size: int
    """How long an answer over UDP may be."""


def parse(data: bytes) -> Query | None:
    """Return the question in a datagram; None for what is no question with one name in it."""
    if len(data) < _HEADER.size:
        return None
    number, flags, questions, answers, authorities, additional = _HEADER.unpack_from(data)
    if flags & (_QR | _OPCODE) or questions != 1:
        return None
    found = _name(data, _HEADER.size)
    if found is None:
        return None
    name, end = found
    if len(data) < end + _QUESTION.size:
        return None
    kind, class_ = _QUESTION.unpack_from(data, end)
    end += _QUESTION.size
    size = UDP_MAX
    if additional == 1 and not answers and not authorities and len(data) >= end + 1 + _RECORD.size:
        option, length, *_ = _RECORD.unpack_from(data, end + 1)
        if data[end] == 0 and option == _OPT:
            size = max(UDP_MAX, length)
    return Query(number, flags, name, kind, class_ == _CLASS_IN, data[_HEADER.size : end], size)


def _name(data: bytes, at: int) -> tuple[str, int] | None:
    """Return the name at `at` and where it ends; a question's is never compressed."""
    labels: list[str] = []
    start = at
    while at < len(data):
        length = data[at]
        at += 1
        if length == 0:
            return ".".join(labels), at
        if length > 63 or at + length > len(data) or at + length - start > _NAME_MAX:
            return None
        labels.append(data[at : at + length].decode("latin-1").lower())
        at += length
    return None


def answer(query: Query, code: Code, records: Sequence[bytes] = ()) -> bytes:
    """Return the answer to `query`; `records` are the data of records of its type."""
    flags = _QR | _RA | (query.flags & _RD) | code
    head = _POINTER_TO_QUESTION + struct.pack(">HHI", query.type, _CLASS_IN, TTL_S)
    body = b"".join(head + len(data).to_bytes(2, "big") + data for data in records)
    return _HEADER.pack(query.id, flags, 1, len(records), 0, 0) + query.question + body


def refuse(data: bytes, code: Code) -> bytes | None:
    """Return an answer to what could not be read; None for what is an answer itself, or too short."""
    if len(data) < _HEADER.size:
        return None
    number, flags, *_ = _HEADER.unpack_from(data)
    if flags & _QR:
        return None
    return _HEADER.pack(number, _QR | _RA | (flags & (_RD | _OPCODE)) | code, 0, 0, 0, 0)


def cut(response: bytes, query: Query) -> bytes:
    """Return `response`, or, where it is longer than the asker takes by UDP, its head that says so."""
    if len(response) <= query.size:
        return response
    _, flags, *_ = _HEADER.unpack_from(response)
    return _HEADER.pack(query.id, flags | _TC, 1, 0, 0, 0) + query.question


def code_of(response: bytes) -> int:
    """Return the response code of a response."""
    return response[3] & 0xF


def is_response_to(response: bytes, number: int, question: bytes) -> bool:
    """Whether `response` answers the question that was sent under `number`."""
    if len(response) < _HEADER.size:
        return False
    found, flags, questions, *_ = _HEADER.unpack_from(response)
    if found != number or not flags & _QR:
        return False
    given = response[_HEADER.size : _HEADER.size + len(question)]
    return questions == 0 or given.lower() == question.lower()


def numbered(data: bytes, number: int) -> bytes:
    """Return a message under another id."""
    return number.to_bytes(2, "big") + data[2:]


def name_data(name: str) -> bytes:
    """Return a name as records hold it."""
    labels = [label.encode("latin-1", "replace")[:63] for label in name.split(".") if label]
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"


def address_data(address: str) -> bytes:
    """Return an address as A and AAAA records hold it."""
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def reversed_address(name: str) -> str | None:
    """Return the address that a name below in-addr.arpa or ip6.arpa is about; None for other names."""
    labels = name.split(".")
    try:
        if labels[-2:] == ["in-addr", "arpa"] and len(labels) == 6:
            return socket.inet_ntop(socket.AF_INET, bytes(int(label) for label in reversed(labels[:4])))
        if labels[-2:] == ["ip6", "arpa"] and len(labels) == 34:
            return socket.inet_ntop(socket.AF_INET6, bytes.fromhex("".join(reversed(labels[:32]))))
    except ValueError:
        return None
    return None
