"""The expressions that rules are made of; each function returns one expression, ready for a rule.

A rule runs its expressions from left to right; one that does not match ends it. Values pass through
register 1 (16 bytes) unless said otherwise. Values in registers are in network order, numbers that the
kernel keeps for itself (marks, states, interface indexes) in the machine's (nft(8), "--debug=netlink").
"""

import enum
import sys
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from wharf.linux.netlink.message import attribute, be32, be64, nested, text

_REG_VERDICT = 0
_REG_1 = 1
_REG_2 = 2
_REG_WORD = 8
"""The first of the 32-bit registers, in which keys of several parts lie; register 1 begins here, too."""

_LIST_ELEM = 1
_EXPR_NAME = 1
_EXPR_DATA = 2
_DATA_VALUE = 1
_DATA_VERDICT = 2
_VERDICT_CODE = 1
_VERDICT_CHAIN = 2

IFNAMSIZ = 16

Network = IPv4Network | IPv6Network
IPAddress = IPv4Address | IPv6Address


class Verdict(enum.IntEnum):
    """What becomes of a packet (`enum nf_inet…` verdicts and NFT_* of nf_tables.h)."""

    DROP = 0
    ACCEPT = 1
    CONTINUE = -1
    JUMP = -3
    GOTO = -4
    RETURN = -5


class MetaKey(enum.IntEnum):
    """`enum nft_meta_keys`."""

    MARK = 3
    IIFNAME = 6
    OIFNAME = 7
    NFPROTO = 15
    L4PROTO = 16


class CtState(enum.IntFlag):
    """Bits of `ct state` (NF_CT_STATE_BIT)."""

    INVALID = 1
    ESTABLISHED = 2
    RELATED = 4
    NEW = 8
    UNTRACKED = 64


class AddressType(enum.IntEnum):
    """`fib … type`: route types of linux/rtnetlink.h."""

    UNICAST = 1
    LOCAL = 2
    BROADCAST = 3


IPS_DST_NAT = 1 << 5
"""The connection is led to another destination than its first packet named."""

_NFPROTO = {4: 2, 6: 10}
_SOURCE_OFFSET = {4: 12, 6: 8}
_DESTINATION_OFFSET = {4: 16, 6: 24}
_ADDRESS_LENGTH = {4: 4, 6: 16}
_BASE_NETWORK = 1
_BASE_TRANSPORT = 2


def _expression(name: str, *data: bytes) -> bytes:
    return nested(_LIST_ELEM, text(_EXPR_NAME, name), nested(_EXPR_DATA, *data))


def value(kind: int, data: bytes) -> bytes:
    """Return an attribute `kind` that holds plain data."""
    return nested(kind, attribute(_DATA_VALUE, data))


def verdict_value(kind: int, code: Verdict, chain: str | None = None) -> bytes:
    """Return an attribute `kind` that holds a verdict; `chain` for JUMP and GOTO."""
    parts = be32(_VERDICT_CODE, code & 0xFFFFFFFF)
    if chain is not None:
        parts += text(_VERDICT_CHAIN, chain)
    return nested(kind, nested(_DATA_VERDICT, parts))


def name_key(name: str) -> bytes:
    """Return the name of a link as registers and sets hold it: 16 bytes, zeros behind."""
    return name.encode().ljust(IFNAMSIZ, b"\0")


def meta(key: MetaKey, register: int = _REG_1) -> bytes:
    """Load a packet's metadata."""
    return _expression("meta", be32(1, register), be32(2, key))


def payload(base: int, offset: int, length: int, register: int = _REG_1) -> bytes:
    """Load `length` bytes of the packet."""
    return _expression("payload", be32(1, register), be32(2, base), be32(3, offset), be32(4, length))


def port_of_host() -> bytes:
    """Load what `port_key` makes keys of: `meta l4proto . th dport`."""
    return _port_from(_REG_WORD)


def address_and_port(version: int) -> bytes:
    """Load what `address_and_port_key` makes keys of: `ip daddr . meta l4proto . th dport`."""
    length = _ADDRESS_LENGTH[version]
    loaded = payload(_BASE_NETWORK, _DESTINATION_OFFSET[version], length)
    return loaded + _port_from(_REG_WORD + length // 4)


def port_key(protocol: int, port: int) -> bytes:
    """Return a key of two parts; each fills whole words."""
    return bytes((protocol, 0, 0, 0)) + port.to_bytes(2, "big") + bytes(2)


def address_and_port_key(address: IPAddress, protocol: int, port: int) -> bytes:
    """Return a key of three parts."""
    return address.packed + port_key(protocol, port)


def _port_from(register: int) -> bytes:
    return meta(MetaKey.L4PROTO, register) + payload(_BASE_TRANSPORT, 2, 2, register + 1)


def compare(data: bytes, *, equal: bool = True) -> bytes:
    """Go on when the register begins with `data`, or when it does not."""
    return _expression("cmp", be32(1, _REG_1), be32(2, 0 if equal else 1), value(3, data))


def mask(data: bytes) -> bytes:
    """Keep the bits of `data` in the register."""
    zeros = bytes(len(data))
    return _expression(
        "bitwise", be32(1, _REG_1), be32(2, _REG_1), be32(3, len(data)), value(4, data), value(5, zeros)
    )


def counter() -> bytes:
    """Count packets and bytes."""
    return _expression("counter", be64(1, 0), be64(2, 0))


def verdict(code: Verdict, chain: str | None = None) -> bytes:
    """End the rule with a verdict; `chain` for JUMP and GOTO."""
    return _expression("immediate", be32(1, _REG_VERDICT), verdict_value(2, code, chain))


def lookup(set_name: str, *, inverted: bool = False) -> bytes:
    """Go on when the register's value is in a set, or when it is not."""
    flags = be32(5, 1) if inverted else b""
    return _expression("lookup", text(1, set_name), be32(2, _REG_1), flags)


def verdict_map(map_name: str) -> bytes:
    """Do what a map of verdicts says for the register's value; go on when it says nothing."""
    return _expression("lookup", text(1, map_name), be32(2, _REG_1), be32(3, _REG_VERDICT))


def masquerade() -> bytes:
    """Give the packet's connection the address of the link it leaves by; in a nat postrouting chain."""
    return _expression("masq")


def in_interface(name: str, *, equal: bool = True) -> bytes:
    """Match the link the packet came in by: `iifname "docker0"`."""
    return meta(MetaKey.IIFNAME) + compare(name_key(name), equal=equal)


def out_interface(name: str, *, equal: bool = True) -> bytes:
    """Match the link the packet leaves by: `oifname != "docker0"`."""
    return meta(MetaKey.OIFNAME) + compare(name_key(name), equal=equal)


def ct_state(states: CtState) -> bytes:
    """Match connections in any of `states`."""
    bits = states.to_bytes(4, sys.byteorder)
    return _expression("ct", be32(1, _REG_1), be32(2, 0)) + mask(bits) + compare(bytes(4), equal=False)


def ct_status(bits: int) -> bytes:
    """Match connections whose status (IPS_* of nf_conntrack_common.h) has any of `bits`."""
    data = bits.to_bytes(4, sys.byteorder)
    return _expression("ct", be32(1, _REG_1), be32(2, 2)) + mask(data) + compare(bytes(4), equal=False)


def ip_version(version: int) -> bytes:
    """Match IPv4 or IPv6, for chains of family inet: `meta nfproto ipv4`."""
    return meta(MetaKey.NFPROTO) + compare(bytes((_NFPROTO[version],)))


def source(network: Network, *, equal: bool = True) -> bytes:
    """Match packets from `network`, whose IP version must have been matched: `ip saddr 172.17.0.0/16`."""
    return _in_network(_SOURCE_OFFSET[network.version], network, equal=equal)


def destination(network: Network, *, equal: bool = True) -> bytes:
    """Match packets to `network`."""
    return _in_network(_DESTINATION_OFFSET[network.version], network, equal=equal)


def _in_network(offset: int, network: Network, *, equal: bool) -> bytes:
    packed, bits = network.network_address.packed, network.prefixlen
    if bits and bits % 8 == 0:
        length = bits // 8
        return payload(_BASE_NETWORK, offset, length) + compare(packed[:length], equal=equal)
    loaded = payload(_BASE_NETWORK, offset, len(packed)) + mask(network.netmask.packed)
    return loaded + compare(packed, equal=equal)


def transport(protocol: int) -> bytes:
    """Match a transport protocol by its number (6 TCP, 17 UDP, 132 SCTP): `meta l4proto tcp`."""
    return meta(MetaKey.L4PROTO) + compare(bytes((protocol,)))


def destination_port(port: int) -> bytes:
    """Match the destination port of TCP, UDP or SCTP, which must have been matched: `th dport 80`."""
    return payload(_BASE_TRANSPORT, 2, 2) + compare(port.to_bytes(2, "big"))


def destination_type(kind: AddressType) -> bytes:
    """Match what the destination is to this host: `fib daddr type local`."""
    fib = _expression("fib", be32(1, _REG_1), be32(2, 3), be32(3, 2))
    return fib + compare(kind.to_bytes(4, sys.byteorder))


def dnat(address: IPAddress, port: int | None = None) -> bytes:
    """Send the connection to `address` and `port` instead; in a nat prerouting or output chain."""
    load = _immediate(_REG_1, address.packed)
    parts = be32(1, 1) + be32(2, _NFPROTO[address.version]) + be32(3, _REG_1)
    if port is not None:
        load += _immediate(_REG_2, port.to_bytes(2, "big"))
        parts += be32(5, _REG_2) + be32(6, _REG_2)
    return load + _expression("nat", parts)


def redirect(port: int) -> bytes:
    """Send the connection to this host's own `port` instead; in a nat prerouting or output chain."""
    return _immediate(_REG_1, port.to_bytes(2, "big")) + _expression("redir", be32(1, _REG_1))


def _immediate(register: int, data: bytes) -> bytes:
    return _expression("immediate", be32(1, register), value(2, data))
