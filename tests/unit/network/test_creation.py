"""From a request to create a network to its record."""

from ipaddress import ip_network

import pytest

from wharf.errors import EngineError
from wharf.network import creation
from wharf.network.network import Network
from wharf.network.settings import DEFAULT_ADDRESS_POOLS, AddressPool
from wharf.schema.network import IPAM, ConfigReference, IPAMConfig, NetworkCreateRequest

POOLS = (*DEFAULT_ADDRESS_POOLS, AddressPool("fd12:3456:789a::/48", 64))
NOTHING = creation.Surroundings((), (), POOLS)


def nobody(_: str) -> Network | None:
    return None


def made(
    request: NetworkCreateRequest, around: creation.Surroundings = NOTHING, known: Network | None = None
) -> Network:
    return creation.complete(creation.admit(request, lambda _: known), around)


def asking(*ranges: IPAMConfig, ipv6: bool | None = None) -> NetworkCreateRequest:
    return NetworkCreateRequest(name="n", enable_ipv6=ipv6, ipam=IPAM(config=list(ranges)))


def test_a_network_that_names_no_subnet_gets_the_first_free_one() -> None:
    around = NOTHING._replace(used_on_host=[ip_network("172.17.0.0/16"), ip_network("172.18.5.0/24")])
    network = made(asking(), around)
    assert [(one.subnet, one.gateway) for one in network.ipam] == [("172.19.0.0/16", "172.19.0.1")]
    assert network.link is not None
    assert network.link.name == f"br-{network.id[:12]}"


def test_both_versions_are_given_where_both_are_on() -> None:
    network = made(asking(IPAMConfig(subnet="2001:db8::/64"), ipv6=True))
    assert [(one.subnet, one.gateway, one.is_gateway_shown) for one in network.subnets] == [
        ("2001:db8::/64", "2001:db8::1", False),
        ("172.17.0.0/16", "172.17.0.1", True),
    ]


def test_an_ipv6_subnet_of_a_network_without_ipv6_is_kept_and_not_used() -> None:
    network = made(asking(IPAMConfig(subnet="2001:db8::/64")))
    assert [one.subnet for one in network.ipam] == ["2001:db8::/64", "172.17.0.0/16"]
    assert [one.subnet for one in network.subnets] == ["172.17.0.0/16"]


def test_ipv6_only() -> None:
    network = made(NetworkCreateRequest(name="n", enable_ipv4=False, enable_ipv6=True))
    assert [one.subnet for one in network.subnets] == ["fd12:3456:789a::/64"]


def test_the_gateway_is_the_first_address_of_the_range() -> None:
    network = made(asking(IPAMConfig(subnet="10.0.0.0/16", ip_range="10.0.5.0/24")))
    assert network.ipv4.gateway == "10.0.5.0"


def test_an_isolated_network_has_no_gateway() -> None:
    request = NetworkCreateRequest(
        name="n", internal=True, options={"com.docker.network.bridge.gateway_mode_ipv4": "isolated"}
    )
    assert made(request).ipv4.gateway == ""


def test_what_a_configuration_network_says_is_taken_over() -> None:
    configuration = made(
        NetworkCreateRequest(
            name="c",
            config_only=True,
            labels={"a": "b"},
            ipam=IPAM(config=[IPAMConfig(subnet="10.5.0.0/24")]),
        )
    )
    assert configuration.link is None
    network = made(
        NetworkCreateRequest(name="n", config_from=ConfigReference(network="c")), known=configuration
    )
    assert (network.ipv4.subnet, network.labels, network.config_from) == ("10.5.0.0/24", {"a": "b"}, "c")


def test_all_faults_are_told_at_once() -> None:
    bad = IPAMConfig(
        subnet="10.88.0.0/24",
        gateway="10.99.0.1",
        ip_range="10.77.0.0/24",
        auxiliary_addresses={"a": "b", "c": "10.99.1.1"},
    )
    with pytest.raises(EngineError) as refused:
        made(asking(bad))
    assert str(refused.value) == (
        "invalid network config:\n"
        "* invalid ip-range 10.77.0.0/24: parent subnet 10.88.0.0/24 doesn't contain ip-range\n"
        "* invalid gateway 10.99.0.1: parent subnet 10.88.0.0/24 doesn't contain this address\n"
        "* invalid auxiliary address a: invalid address\n"
        "* invalid auxiliary address c: parent subnet 10.88.0.0/24 doesn't contain this address"
    )


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (IPAMConfig(gateway="10.99.0.1"), "invalid subnet : invalid CIDR block notation"),
        (IPAMConfig(subnet="10.1.0.5/24"), "invalid subnet 10.1.0.5/24: it should be 10.1.0.0/24"),
        (
            IPAMConfig(subnet="10.1.0.0/24", ip_range="10.1.0.5/28"),
            "invalid ip-range 10.1.0.5/28: it should be 10.1.0.0/28",
        ),
        (
            IPAMConfig(subnet="10.1.0.0/24", ip_range="10.1.0.0/16"),
            "invalid ip-range 10.1.0.0/16: CIDR block is bigger than its parent subnet 10.1.0.0/24",
        ),
    ],
)
def test_one_fault_stands_alone(config: IPAMConfig, words: str) -> None:
    with pytest.raises(EngineError) as refused:
        made(asking(config))
    assert str(refused.value) == f"invalid network config:\n{words}"


def test_a_subnet_of_another_network_is_refused() -> None:
    other = made(asking(IPAMConfig(subnet="10.1.0.0/16")))
    with pytest.raises(EngineError, match="Pool overlaps with other one on this address space"):
        made(asking(IPAMConfig(subnet="10.1.7.0/24")), NOTHING._replace(networks=[other]))


def test_drivers_that_are_not_there_are_named() -> None:
    with pytest.raises(EngineError, match='plugin "x" not found'):
        creation.admit(NetworkCreateRequest(name="n", driver="x"), nobody)
    with pytest.raises(EngineError, match="the network driver macvlan is not supported by this engine yet"):
        creation.admit(NetworkCreateRequest(name="n", driver="macvlan"), nobody)
