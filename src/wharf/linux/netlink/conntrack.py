"""ctnetlink: connections as the kernel tracks them, so that those which have gone astray can be forgotten.

A datagram belongs to a connection that has been seen before as long as its two ends go on talking, and no new
rule is asked about it (linux/netfilter/nfnetlink_conntrack.h).
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple, Self

from wharf.linux.netlink.connection import Connection
from wharf.linux.netlink.message import Message, Received, attribute, attributes, nested, u8, u32

_NETLINK_NETFILTER = 12
_SUBSYSTEM = 1
_GET, _DELETE = 1, 2
_FAMILY = {4: 2, 6: 10}

_TUPLE_ORIGINAL = 1
_ID = 12
_ZONE = 18
_FILTER = 25
_TUPLE_IP = 1
_TUPLE_PROTOCOL = 2
_IP_DESTINATION = {4: 2, 6: 4}
_PROTOCOL_NUMBER = 1
_PROTOCOL_DESTINATION_PORT = 3
_FILTER_ORIGINAL = 1
_FILTER_REPLY = 2
_BY_PROTOCOL = 1 << 3
_BY_DESTINATION_PORT = 1 << 5

IPAddress = IPv4Address | IPv6Address


class Flow(NamedTuple):
    """A connection, by where its first packet went; `key` is how the kernel knows it."""

    protocol: int
    destination: IPAddress
    port: int
    key: bytes


class Conntrack:
    """A socket for the connections of one network namespace, owned; a context manager."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls) -> "Conntrack":
        """Open a socket in this thread's network namespace; needs CAP_NET_ADMIN there."""
        return cls(Connection.open(_NETLINK_NETFILTER))

    def close(self) -> None:
        """Close the socket; may be called twice."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def flows_to(self, version: int, protocol: int, port: int) -> list[Flow]:
        """Return the connections whose first packet went to `port`, at whichever address."""
        wanted = u8(_PROTOCOL_NUMBER, protocol) + attribute(
            _PROTOCOL_DESTINATION_PORT, port.to_bytes(2, "big")
        )
        body = nested(_TUPLE_ORIGINAL, nested(_TUPLE_PROTOCOL, wanted)) + nested(
            _FILTER, u32(_FILTER_ORIGINAL, _BY_PROTOCOL | _BY_DESTINATION_PORT), u32(_FILTER_REPLY, 0)
        )
        answers = self._connection.dump(_message(_GET, version, body))
        flows = [_flow(version, answer) for answer in answers]
        # Kernels before 5.8 do not filter.
        return [flow for flow in flows if flow is not None and (flow.protocol, flow.port) == (protocol, port)]

    def forget(self, flows: Sequence[Flow]) -> None:
        """Forget connections: the next packet of each is the first of a new one. Some may have ended."""
        messages = [_message(_DELETE, flow.destination.version, flow.key) for flow in flows]
        for error in self._connection.attempt(messages) if messages else ():
            if error is not None and not isinstance(error, FileNotFoundError):
                raise error


def _message(kind: int, version: int, body: bytes) -> Message:
    return Message(_SUBSYSTEM << 8 | kind, 0, bytes((_FAMILY[version], 0, 0, 0)) + body)


def _flow(version: int, answer: Received) -> Flow | None:
    found = attributes(answer.body[4:])
    original = attributes(found[_TUPLE_ORIGINAL])
    protocol = attributes(original[_TUPLE_PROTOCOL])
    if _PROTOCOL_DESTINATION_PORT not in protocol:
        return None
    key = nested(_TUPLE_ORIGINAL, found[_TUPLE_ORIGINAL]) + attribute(_ID, found[_ID])
    if _ZONE in found:
        key += attribute(_ZONE, found[_ZONE])
    return Flow(
        protocol=protocol[_PROTOCOL_NUMBER][0],
        destination=ip_address(attributes(original[_TUPLE_IP])[_IP_DESTINATION[version]]),
        port=int.from_bytes(protocol[_PROTOCOL_DESTINATION_PORT], "big"),
        key=key,
    )
