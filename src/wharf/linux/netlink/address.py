"""rtnetlink's addresses of links (rtnetlink(7), linux/if_addr.h)."""

import struct
from ipaddress import IPv4Interface, IPv6Interface, ip_interface
from typing import NamedTuple

from wharf.linux.netlink.message import NLM_F_CREATE, NLM_F_EXCL, Message, Received, attribute, attributes

RTM_NEWADDR = 20
RTM_DELADDR = 21
RTM_GETADDR = 22

_IFA_ADDRESS = 1
_IFA_LOCAL = 2
_IFA_BROADCAST = 4
_IFA_F_NODAD = 0x02
_AF_INET = 2
_AF_INET6 = 10

_HEADER = struct.Struct("=BBBBI")
"""struct ifaddrmsg: family, prefix length, flags, scope, index."""

Interface = IPv4Interface | IPv6Interface


class Address(NamedTuple):
    """An address with its prefix, on the link with index `link`."""

    link: int
    interface: Interface
    scope: int


def add(link: int, interface: Interface) -> Message:
    """Give a link an address; an IPv6 one is usable at once (no duplicate address detection).

    The broadcast address of an IPv4 network is set where it has one (not in /31 and /32). EEXIST when it is
    there already.
    """
    body = _body(link, interface, 0 if interface.version == 4 else _IFA_F_NODAD)
    if isinstance(interface, IPv4Interface) and interface.network.prefixlen < 31:
        body += attribute(_IFA_BROADCAST, interface.network.broadcast_address.packed)
    return Message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, body)


def remove(link: int, interface: Interface) -> Message:
    """Take an address from a link; EADDRNOTAVAIL when it has no such one."""
    return Message(RTM_DELADDR, 0, _body(link, interface, 0))


def listing(*, link: int | None = None) -> Message:
    """Ask for all addresses, or for those of one link."""
    return Message(RTM_GETADDR, 0, _HEADER.pack(0, 0, 0, 0, link or 0))


def parse(message: Received) -> Address | None:
    """Return the address that an RTM_NEWADDR describes; None when it is of another family than IP."""
    family, prefix_length, _flags, scope, index = _HEADER.unpack_from(message.body)
    if family not in (_AF_INET, _AF_INET6):
        return None
    found = attributes(message.body[_HEADER.size :])
    packed = found.get(_IFA_LOCAL) or found[_IFA_ADDRESS]
    return Address(index, ip_interface((packed, prefix_length)), scope)


def _body(link: int, interface: Interface, flags: int) -> bytes:
    family = _AF_INET if interface.version == 4 else _AF_INET6
    body = _HEADER.pack(family, interface.network.prefixlen, flags, 0, link)
    return body + attribute(_IFA_LOCAL, interface.packed) + attribute(_IFA_ADDRESS, interface.packed)
