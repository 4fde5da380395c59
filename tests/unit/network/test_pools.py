"""The first free subnet of the pools."""

from ipaddress import ip_network

import pytest

from wharf.network.errors import NoFreeSubnet
from wharf.network.pools import Subnet, free_subnet
from wharf.network.settings import DEFAULT_ADDRESS_POOLS, AddressPool


def test_the_first_pool_is_dockers() -> None:
    assert free_subnet(DEFAULT_ADDRESS_POOLS, []) == ip_network("172.17.0.0/16")


def test_the_default_pools_hold_31_networks_in_dockers_order() -> None:
    used: list[Subnet] = []
    for _ in range(31):
        used.append(free_subnet(DEFAULT_ADDRESS_POOLS, used))
    assert [str(network) for network in used[:4]] == [f"172.{n}.0.0/16" for n in range(17, 21)]
    assert str(used[14]) == "172.31.0.0/16"
    assert [str(network) for network in used[15:17]] == ["192.168.0.0/20", "192.168.16.0/20"]
    with pytest.raises(NoFreeSubnet, match="all predefined address pools have been fully subnetted"):
        free_subnet(DEFAULT_ADDRESS_POOLS, used)


def test_an_overlap_on_either_side_passes_a_subnet_over() -> None:
    used = [ip_network("172.17.3.0/30"), ip_network("172.16.0.0/14"), ip_network("fd00::/8")]
    assert free_subnet(DEFAULT_ADDRESS_POOLS, used) == ip_network("172.20.0.0/16")


def test_ipv6_pools_serve_ipv6_only() -> None:
    pools = (AddressPool("10.0.0.0/8", 24), AddressPool("fd00:1::/48", 64))
    assert free_subnet(pools, [], version=6) == ip_network("fd00:1::/64")
    assert free_subnet(pools, []) == ip_network("10.0.0.0/24")
