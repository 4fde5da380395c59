"""The addresses of a subnet: order, reuse, limits."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given, strategies

from wharf.network.errors import AddressInUse, AddressOutOfRange
from wharf.network.ipam import AddressPool, PoolExhausted


def take(pool: AddressPool, count: int) -> list[str]:
    return [str(pool.take()) for _ in range(count)]


def test_addresses_rise_from_the_first() -> None:
    assert take(AddressPool(ip_network("10.0.0.0/24")), 3) == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]


def test_a_freed_address_is_used_again_only_after_the_others() -> None:
    pool = AddressPool(ip_network("10.0.0.0/29"))
    take(pool, 3)
    pool.give_back(ip_address("10.0.0.2"))
    assert take(pool, 4) == ["10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.2"]


def test_network_and_broadcast_address_are_never_given() -> None:
    pool = AddressPool(ip_network("10.0.0.0/29"))
    assert take(pool, 6) == [f"10.0.0.{n}" for n in range(1, 7)]
    with pytest.raises(PoolExhausted):
        pool.take()
    with pytest.raises(AddressInUse):
        pool.take(ip_address("10.0.0.0"))
    with pytest.raises(AddressInUse):
        pool.take(ip_address("10.0.0.7"))


@pytest.mark.parametrize(("subnet", "given_"), [("10.0.0.4/31", 2), ("10.0.0.4/32", 1)])
def test_in_the_smallest_subnets_each_address_counts(subnet: str, given_: int) -> None:
    pool = AddressPool(ip_network(subnet))
    take(pool, given_)
    with pytest.raises(PoolExhausted):
        pool.take()


def test_the_range_limits_what_is_given_but_not_what_is_asked_for() -> None:
    pool = AddressPool(ip_network("10.0.0.0/24"), ip_range=ip_network("10.0.0.128/30"))
    assert take(pool, 4) == [f"10.0.0.{n}" for n in range(128, 132)]
    assert pool.take(ip_address("10.0.0.9")) == IPv4Address("10.0.0.9")
    with pytest.raises(PoolExhausted):
        pool.take()


def test_what_was_taken_in_an_earlier_life_stays_taken() -> None:
    pool = AddressPool(ip_network("10.0.0.0/24"), last=ip_address("10.0.0.5"))
    pool.restore([ip_address("10.0.0.6")])
    assert take(pool, 1) == ["10.0.0.7"]
    assert pool.last == IPv4Address("10.0.0.7")


def test_an_address_outside_or_of_the_other_family_is_out_of_range() -> None:
    pool = AddressPool(ip_network("10.0.0.0/24"))
    for wrong in ("10.0.1.1", "::1"):
        with pytest.raises(AddressOutOfRange, match="requested address is out of range"):
            pool.take(ip_address(wrong))


def test_ipv6_has_no_broadcast_address() -> None:
    pool = AddressPool(ip_network("fd00::/126"))
    assert take(pool, 3) == ["fd00::1", "fd00::2", "fd00::3"]
    assert pool.last == IPv6Address("fd00::3")


@given(strategies.lists(strategies.integers(0, 40)))
def test_no_address_is_ever_given_twice(steps: list[int]) -> None:
    pool = AddressPool(ip_network("10.0.0.0/28"))
    held: list[IPv4Address | IPv6Address] = []
    for step in steps:
        if step < 25 and len(held) < 14:
            address = pool.take()
            assert address not in held
            held.append(address)
        elif held:
            pool.give_back(held.pop(step % len(held)))
    assert pool.taken == len(held)
