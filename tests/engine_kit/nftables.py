"""What nftables holds in this network namespace, asked over netlink by code the engine does not share."""

import hashlib
import socket
import struct
from collections.abc import Iterator

_NETLINK_NETFILTER = 12
_NFNL_SUBSYS_NFTABLES = 10
_GET_TABLE, _GET_CHAIN, _GET_RULE, _GET_SET, _GET_ELEMENTS = 1, 4, 7, 10, 13
_REQUEST_DUMP = 0x301
_DONE, _ERROR = 3, 2


def objects() -> list[str]:
    """A line for each table, chain, rule, set and element."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as netlink:
        netlink.bind((0, 0))
        lines = [f"table {_text(one, 1)}" for _, one in _dump(netlink, _GET_TABLE)]
        lines += [f"chain {_text(one, 1)} {_text(one, 3)}" for _, one in _dump(netlink, _GET_CHAIN)]
        for _, one in _dump(netlink, _GET_RULE):
            expressions = hashlib.sha256(one.get(4, b"")).hexdigest()[:12]
            lines.append(f"rule {_text(one, 1)} {_text(one, 2)} {expressions}")
        for family, one in _dump(netlink, _GET_SET):
            table, name = _text(one, 1), _text(one, 2)
            lines.append(f"set {table} {name}")
            wanted = _attribute(1, table.encode() + b"\0") + _attribute(2, name.encode() + b"\0")
            for _, answer in _dump(netlink, _GET_ELEMENTS, wanted, family):
                lines += [f"element {table} {name} {part.hex()}" for part in _list(answer.get(3, b""))]
        return sorted(lines)


def _dump(
    netlink: socket.socket, kind: int, payload: bytes = b"", family: int = 0
) -> Iterator[tuple[int, dict[int, bytes]]]:
    body = struct.pack("=BBH", family, 0, 0) + payload
    header = struct.pack("=IHHII", 16 + len(body), _NFNL_SUBSYS_NFTABLES << 8 | kind, _REQUEST_DUMP, 1, 0)
    netlink.send(header + body)
    found: list[tuple[int, dict[int, bytes]]] = []
    while True:
        data = netlink.recv(1 << 18)
        while data:
            length, message, _, _, _ = struct.unpack_from("=IHHII", data)
            if message == _DONE:
                yield from found
                return
            if message == _ERROR:
                number = -struct.unpack_from("=i", data, 16)[0]
                raise OSError(number, f"nftables dump {kind}")
            found.append((data[16], _attributes(data[20:length])))
            data = data[(length + 3) & ~3 :]


def _attributes(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        found[kind & 0x3FFF] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return found


def _list(data: bytes) -> Iterator[bytes]:
    while len(data) >= 4:
        (length,) = struct.unpack_from("=H", data)
        yield data[4:length]
        data = data[(length + 3) & ~3 :]


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def _text(attributes: dict[int, bytes], kind: int) -> str:
    return attributes.get(kind, b"").rstrip(b"\0").decode()
