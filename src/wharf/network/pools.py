"""Subnets for networks that name none: the first of the pools' that overlaps nothing."""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

from wharf.network.errors import NoFreeSubnet
from wharf.network.settings import AddressPool

Subnet = IPv4Network | IPv6Network


def free_subnet(pools: Sequence[AddressPool], used: Collection[Subnet], *, version: int = 4) -> Subnet:
    """Return the first subnet of `pools` that overlaps none of `used`; raises NoFreeSubnet."""
    same = [network for network in used if network.version == version]
    for candidate in _candidates(pools, version):
        if not any(candidate.overlaps(network) for network in same):
            return candidate
    raise NoFreeSubnet


def unique_local_pool(engine_id: str) -> str:
    """Return this engine's own /48 of unique local addresses (RFC 4193), derived as the reference does."""
    digest = int.from_bytes(hashlib.sha256(engine_id.encode()).digest()[:8], "big")
    global_id = digest & (1 << 40) - 1
    return str(IPv6Network(((0xFD << 120) | global_id << 80, 48)))


def _candidates(pools: Sequence[AddressPool], version: int) -> Iterator[Subnet]:
    for pool in pools:
        base = ip_network(pool.base)
        if base.version == version:
            yield from base.subnets(new_prefix=pool.size)
