"""What a container may ask of its place in a network."""

import pytest

from wharf.errors import InvalidParameter
from wharf.network import demands
from wharf.network.endpoint import EndpointRequest
from wharf.network.network import IpamConfig, Network
from wharf.network.pools import unique_local_pool

NETWORK = Network("1" * 64, "n", "bridge", 0, ipam=(IpamConfig("10.0.0.0/24", "10.0.0.1"),))
CHOSEN = Network("1" * 64, "n", "bridge", 0, ipam=(IpamConfig("10.0.0.0/24", "10.0.0.1", is_chosen=True),))


def refusal(network: Network | None, name: str, request: EndpointRequest, *, is_new: bool = True) -> str:
    with pytest.raises(InvalidParameter) as refused:
        demands.check(network, name, request, is_new=is_new)
    return str(refused.value)


def test_an_address_must_lie_in_a_subnet_that_its_user_named() -> None:
    demands.check(NETWORK, "n", EndpointRequest(ip="10.0.0.9"), is_new=True)
    assert refusal(NETWORK, "n", EndpointRequest(ip="10.0.9.9"), is_new=False) == (
        "invalid endpoint settings:\nno configured subnet or ip-range contain the IP address 10.0.9.9"
    )
    assert "only when connecting to networks with user configured subnets" in refusal(
        CHOSEN, "n", EndpointRequest(ip="10.0.0.9")
    )


def test_an_alias_is_for_networks_of_ones_own() -> None:
    assert refusal(None, "bridge", EndpointRequest(aliases=("a",))) == (
        "invalid config for network bridge: invalid endpoint settings:\n"
        "network-scoped alias is supported only for containers in user defined networks"
    )


@pytest.mark.parametrize(
    "item",
    [
        "kernel.core_pattern=x",
        "net.ipv4.ip_forward=1",
        "net/ipv4/../../kernel/core_pattern=x",
        "net.ipv4.conf.eth0.x=1",
        "net.ipv4.conf.IFNAME.a/../../../../kernel/core_pattern=x",
        "net.ipv4.conf.IFNAME.x",
    ],
)
def test_only_sysctls_of_the_links_own_may_be_set(item: str) -> None:
    with pytest.raises(InvalidParameter, match="unrecognised network interface sysctl"):
        demands.sysctls({demands.OPTION_SYSCTLS: item})


def test_sysctls_become_paths() -> None:
    text = "net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.neigh.ifname.mcast_solicit=2"
    assert demands.sysctls({demands.OPTION_SYSCTLS: text}) == {
        "net/ipv4/conf/IFNAME/log_martians": "1",
        "net/ipv6/neigh/IFNAME/mcast_solicit": "2",
    }


def test_each_engine_has_a_unique_local_range_of_its_own() -> None:
    one, two = unique_local_pool("one"), unique_local_pool("two")
    assert one != two
    assert one.startswith("fd")
    assert one.endswith("::/48")
