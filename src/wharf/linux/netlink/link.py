"""rtnetlink's links: bridges, veth pairs, and what is set on any link (rtnetlink(7), linux/if_link.h)."""

import struct
from typing import NamedTuple

from wharf.linux.netlink.message import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    Message,
    Received,
    attribute,
    attributes,
    nested,
    number,
    string,
    text,
    u8,
    u32,
)

RTM_NEWLINK = 16
RTM_DELLINK = 17
RTM_GETLINK = 18

IFF_UP = 0x1

_IFLA_ADDRESS = 1
_IFLA_IFNAME = 3
_IFLA_MTU = 4
_IFLA_LINK = 5
_IFLA_MASTER = 10
_IFLA_TXQLEN = 13
_IFLA_LINKINFO = 18
_IFLA_NET_NS_FD = 28
_IFLA_AF_SPEC = 26
_IFLA_GROUP = 27
_IFLA_EXT_MASK = 29
_IFLA_INFO_KIND = 1
_IFLA_INFO_DATA = 2
_IFLA_INFO_SLAVE_KIND = 4
_IFLA_INFO_SLAVE_DATA = 5
_IFLA_BRPORT_MODE = 4
_IFLA_BRPORT_ISOLATED = 33
_VETH_INFO_PEER = 1
_IFLA_INET_CONF = 1
_RTEXT_FILTER_SKIP_STATS = 8
_AF_INET = 2

_HEADER = struct.Struct("=BxHiII")
"""struct ifinfomsg: family, type, index, flags, change mask."""

NAME_MAX = 15
"""Characters in a link's name: IFNAMSIZ less the zero byte."""


class Link(NamedTuple):
    """One network interface as the kernel describes it."""

    ifindex: int
    name: str
    kind: str
    """`bridge`, `veth`, …; empty for links without one, such as lo."""
    mac: str
    mtu: int
    flags: int
    master: int
    """Index of the bridge it is a port of; 0 when of none."""
    peer: int
    """Index of the other end (veth) in its own network namespace, or 0."""

    @property
    def is_up(self) -> bool:
        """Whether it is set up (which says nothing about a carrier)."""
        return bool(self.flags & IFF_UP)


def mac_bytes(mac: str) -> bytes:
    """Return the six bytes of `02:42:…`; raises ValueError."""
    data = bytes.fromhex(mac.replace(":", ""))
    if len(data) != 6:
        raise ValueError(f"not an Ethernet address: {mac}")
    return data


def create_bridge(name: str, *, mac: str, mtu: int) -> Message:
    """Make a bridge; with its address given it keeps it, whichever ports come and go.

    Fails with EEXIST when the name is taken.
    """
    body = _HEADER.pack(0, 0, 0, 0, 0) + text(_IFLA_IFNAME, name)
    body += attribute(_IFLA_ADDRESS, mac_bytes(mac)) + u32(_IFLA_MTU, mtu)
    body += nested(_IFLA_LINKINFO, text(_IFLA_INFO_KIND, "bridge"))
    return Message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body)


def create_veth(
    name: str,
    *,
    mtu: int,
    peer: str,
    peer_mac: str | None = None,
    peer_namespace: int | None = None,
    master: int | None = None,
) -> Message:
    """Make a veth pair, both ends down; the peer is born in the namespace that `peer_namespace` leads to.

    Neither end has a transmit queue, as with the reference: a veth hands over at once.
    """
    inner = _HEADER.pack(0, 0, 0, 0, 0) + text(_IFLA_IFNAME, peer) + u32(_IFLA_MTU, mtu)
    inner += u32(_IFLA_TXQLEN, 0)
    if peer_mac is not None:
        inner += attribute(_IFLA_ADDRESS, mac_bytes(peer_mac))
    if peer_namespace is not None:
        inner += u32(_IFLA_NET_NS_FD, peer_namespace)
    data = nested(_IFLA_INFO_DATA, nested(_VETH_INFO_PEER, inner))
    body = _HEADER.pack(0, 0, 0, 0, 0) + text(_IFLA_IFNAME, name) + u32(_IFLA_MTU, mtu)
    body += u32(_IFLA_TXQLEN, 0)
    if master is not None:
        body += u32(_IFLA_MASTER, master)
    body += nested(_IFLA_LINKINFO, text(_IFLA_INFO_KIND, "veth"), data)
    return Message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body)


def change(
    link: int | str,
    *,
    up: bool | None = None,
    master: int | None = None,
    name: str | None = None,
    mac: str | None = None,
    mtu: int | None = None,
    namespace: int | None = None,
    group: int | None = None,
    inet_conf: dict[int, int] | None = None,
) -> Message:
    """Change a link, named by index or name; `master=0` takes it out of its bridge.

    `inet_conf` sets IPv4 sysctls of the link by their IPV4_DEVCONF number (linux/ip.h).
    """
    index = link if isinstance(link, int) else 0
    flags, mask = (0, 0) if up is None else (IFF_UP if up else 0, IFF_UP)
    body = _HEADER.pack(0, 0, index, flags, mask)
    if isinstance(link, str):
        body += text(_IFLA_IFNAME, link)
    elif name is not None:
        body += text(_IFLA_IFNAME, name)
    if master is not None:
        body += u32(_IFLA_MASTER, master)
    if mac is not None:
        body += attribute(_IFLA_ADDRESS, mac_bytes(mac))
    if mtu is not None:
        body += u32(_IFLA_MTU, mtu)
    if namespace is not None:
        body += u32(_IFLA_NET_NS_FD, namespace)
    if group is not None:
        body += u32(_IFLA_GROUP, group)
    if inet_conf:
        values = [u32(kind, value) for kind, value in inet_conf.items()]
        body += nested(_IFLA_AF_SPEC, nested(_AF_INET, nested(_IFLA_INET_CONF, *values)))
    return Message(RTM_NEWLINK, 0, body)


def change_port(link: int | str, *, hairpin: bool | None = None, isolated: bool | None = None) -> Message:
    """Change a port of a bridge.

    In hairpin mode a frame may leave by the port it came in by; isolated ports do not hear each other.
    """
    data = b"" if hairpin is None else u8(_IFLA_BRPORT_MODE, hairpin)
    data += b"" if isolated is None else u8(_IFLA_BRPORT_ISOLATED, isolated)
    info = text(_IFLA_INFO_SLAVE_KIND, "bridge") + nested(_IFLA_INFO_SLAVE_DATA, data)
    return Message(RTM_NEWLINK, 0, _named(link) + nested(_IFLA_LINKINFO, info))


def delete(link: int | str) -> Message:
    """Delete a link; of a veth pair both ends go."""
    return Message(RTM_DELLINK, 0, _named(link))


def delete_group(group: int) -> Message:
    """Delete all links of a group at once: one grace period of the kernel's for all of them."""
    return Message(RTM_DELLINK, 0, _HEADER.pack(0, 0, 0, 0, 0) + u32(_IFLA_GROUP, group))


def get(link: int | str) -> Message:
    """Ask for one link; answered by ENODEV when there is none."""
    return Message(RTM_GETLINK, 0, _named(link) + u32(_IFLA_EXT_MASK, _RTEXT_FILTER_SKIP_STATS))


def listing(*, master: int | None = None) -> Message:
    """Ask for all links, or for the ports of one bridge."""
    body = _HEADER.pack(0, 0, 0, 0, 0) + u32(_IFLA_EXT_MASK, _RTEXT_FILTER_SKIP_STATS)
    if master is not None:
        body += u32(_IFLA_MASTER, master)
    return Message(RTM_GETLINK, 0, body)


def parse(message: Received) -> Link:
    """Return the link that an RTM_NEWLINK describes."""
    _family, _type, index, flags, _mask = _HEADER.unpack_from(message.body)
    found = attributes(message.body[_HEADER.size :])
    info = attributes(found.get(_IFLA_LINKINFO, b""))
    return Link(
        ifindex=index,
        name=string(found.get(_IFLA_IFNAME, b"")),
        kind=string(info.get(_IFLA_INFO_KIND, b"")),
        mac=found.get(_IFLA_ADDRESS, b"").hex(":"),
        mtu=number(found.get(_IFLA_MTU, b"")),
        flags=flags,
        master=number(found.get(_IFLA_MASTER, b"")),
        peer=number(found.get(_IFLA_LINK, b"")),
    )


def _named(link: int | str) -> bytes:
    if isinstance(link, int):
        return _HEADER.pack(0, 0, link, 0, 0)
    return _HEADER.pack(0, 0, 0, 0, 0) + text(_IFLA_IFNAME, link)
