"""Which network is a container's way out."""

from wharf.network import gateway
from wharf.network.endpoint import Endpoint


def endpoint(name: str, *, priority: int = 0, gateway4: str = "10.0.0.1", gateway6: str = "") -> Endpoint:
    return Endpoint(
        id=name, network_id=name, network_name=name, driver="bridge", container_id="c",
        gw_priority=priority, gateway=gateway4, gateway6=gateway6,
    )  # fmt: skip


def chosen(*endpoints: Endpoint) -> dict[int, str]:
    return {version: one.id for version, one in gateway.choose(endpoints).items()}


def test_the_first_name_counts_where_nothing_else_does() -> None:
    assert chosen(endpoint("b"), endpoint("a")) == {4: "a"}


def test_a_priority_counts_more_than_a_name() -> None:
    assert chosen(endpoint("a"), endpoint("b", priority=1)) == {4: "b"}


def test_a_network_of_both_versions_counts_more_than_a_priority() -> None:
    assert chosen(endpoint("a", priority=7), endpoint("b", priority=-5, gateway6="fd00::1")) == {
        4: "b",
        6: "b",
    }


def test_a_network_without_a_gateway_is_no_way_out() -> None:
    assert chosen(endpoint("a", gateway4="")) == {}
    assert chosen(endpoint("a", gateway4="", gateway6="fd00::1"), endpoint("b")) == {4: "b", 6: "a"}


def test_an_endpoint_knows_for_which_versions_it_is_the_way_out() -> None:
    first, second = endpoint("a", gateway4="", gateway6="fd00::1"), endpoint("b")
    both = gateway.choose([first, second])
    assert gateway.ways_out(first, both) == frozenset({6})
    assert gateway.ways_out(second, both) == frozenset({4})
