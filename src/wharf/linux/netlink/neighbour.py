"""rtnetlink's neighbours: which link-layer address an IP address has (rtnetlink(7), linux/neighbour.h)."""

import struct
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from wharf.linux.netlink.link import mac_bytes
from wharf.linux.netlink.message import (
    NLM_F_CREATE,
    NLM_F_REPLACE,
    Message,
    Received,
    attribute,
    attributes,
)

RTM_NEWNEIGH = 28
RTM_DELNEIGH = 29
RTM_GETNEIGH = 30

NUD_PERMANENT = 0x80
_NDA_DST = 1
_NDA_LLADDR = 2
_AF_INET = 2
_AF_INET6 = 10

_HEADER = struct.Struct("=BxxxiHBB")
"""struct ndmsg: family, index, state, flags, type."""

IPAddress = IPv4Address | IPv6Address


class Neighbour(NamedTuple):
    """An entry of the neighbour table of the link with index `link`; `mac` is empty while it is not known."""

    link: int
    address: IPAddress
    mac: str
    state: int


def replace(link: int, address: IPAddress, mac: str) -> Message:
    """Set a permanent entry."""
    body = _body(link, address, NUD_PERMANENT) + attribute(_NDA_LLADDR, mac_bytes(mac))
    return Message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, body)


def remove(link: int, address: IPAddress) -> Message:
    """Forget an entry; ENOENT when there is none."""
    return Message(RTM_DELNEIGH, 0, _body(link, address, 0))


def listing(*, version: int = 4) -> Message:
    """Ask for all entries of IPv4 or IPv6."""
    return Message(RTM_GETNEIGH, 0, _HEADER.pack(_AF_INET if version == 4 else _AF_INET6, 0, 0, 0, 0))


def parse(message: Received) -> Neighbour | None:
    """Return the entry that an RTM_NEWNEIGH describes; None when it is of another family than IP."""
    family, index, state, _flags, _type = _HEADER.unpack_from(message.body)
    found = attributes(message.body[_HEADER.size :])
    if family not in (_AF_INET, _AF_INET6) or _NDA_DST not in found:
        return None
    return Neighbour(index, ip_address(found[_NDA_DST]), found.get(_NDA_LLADDR, b"").hex(":"), state)


def _body(link: int, address: IPAddress, state: int) -> bytes:
    family = _AF_INET if address.version == 4 else _AF_INET6
    return _HEADER.pack(family, link, state, 0, 0) + attribute(_NDA_DST, address.packed)
