"""rtnetlink's routes (rtnetlink(7), linux/rtnetlink.h)."""

import struct
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from wharf.linux.netlink.message import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    Message,
    Received,
    attribute,
    attributes,
    number,
    u32,
)

RTM_NEWROUTE = 24
RTM_DELROUTE = 25
RTM_GETROUTE = 26

RT_TABLE_MAIN = 254
RTN_UNICAST = 1
RTPROT_BOOT = 3
_RT_SCOPE_UNIVERSE = 0
_RT_SCOPE_LINK = 253
_RTM_F_CLONED = 0x200

_RTA_DST = 1
_RTA_OIF = 4
_RTA_GATEWAY = 5
_RTA_PREFSRC = 7
_RTA_TABLE = 15
_AF_INET = 2
_AF_INET6 = 10

_HEADER = struct.Struct("=BBBBBBBBI")
"""struct rtmsg: family, dst length, src length, tos, table, protocol, scope, type, flags."""

Network = IPv4Network | IPv6Network
IPAddress = IPv4Address | IPv6Address


class Route(NamedTuple):
    """One route; `destination` is 0.0.0.0/0 or ::/0 for a default route."""

    destination: Network
    gateway: IPAddress | None
    link: int
    table: int
    protocol: int
    type: int
    source: IPAddress | None


def add(destination: Network, *, gateway: IPAddress | None = None, link: int | None = None) -> Message:
    """Add a unicast route to the main table, via `gateway` or straight onto `link`; EEXIST if it is there."""
    return Message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, _body(destination, gateway, link))


def remove(destination: Network, *, gateway: IPAddress | None = None, link: int | None = None) -> Message:
    """Remove a route from the main table; ESRCH when there is none."""
    return Message(RTM_DELROUTE, 0, _body(destination, gateway, link))


def listing(*, version: int = 4) -> Message:
    """Ask for all routes of IPv4 or IPv6, of every table."""
    return Message(RTM_GETROUTE, 0, _HEADER.pack(_family(version), 0, 0, 0, 0, 0, 0, 0, 0))


def parse(message: Received) -> Route | None:
    """Return the route that an RTM_NEWROUTE describes; None for cached ones and other families than IP."""
    family, length, _, _, table, protocol, _scope, kind, flags = _HEADER.unpack_from(message.body)
    if family not in (_AF_INET, _AF_INET6) or flags & _RTM_F_CLONED:
        return None
    found = attributes(message.body[_HEADER.size :])
    empty = bytes(4 if family == _AF_INET else 16)
    return Route(
        destination=ip_network((found.get(_RTA_DST, empty), length)),
        gateway=ip_address(found[_RTA_GATEWAY]) if _RTA_GATEWAY in found else None,
        link=number(found.get(_RTA_OIF, b"")),
        table=number(found[_RTA_TABLE]) if _RTA_TABLE in found else table,
        protocol=protocol,
        type=kind,
        source=ip_address(found[_RTA_PREFSRC]) if _RTA_PREFSRC in found else None,
    )


def _body(destination: Network, gateway: IPAddress | None, link: int | None) -> bytes:
    scope = _RT_SCOPE_LINK if gateway is None and destination.version == 4 else _RT_SCOPE_UNIVERSE
    body = _HEADER.pack(
        _family(destination.version),
        destination.prefixlen,
        0,
        0,
        RT_TABLE_MAIN,
        RTPROT_BOOT,
        scope,
        RTN_UNICAST,
        0,
    )
    if destination.prefixlen:
        body += attribute(_RTA_DST, destination.network_address.packed)
    if gateway is not None:
        body += attribute(_RTA_GATEWAY, gateway.packed)
    if link is not None:
        body += u32(_RTA_OIF, link)
    return body


def _family(version: int) -> int:
    return _AF_INET if version == 4 else _AF_INET6
