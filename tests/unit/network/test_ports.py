"""Published ports: what is asked, and the sockets that reserve it."""

import os
import socket

import pytest

from wharf.network.errors import NoHostPort, PortTaken
from wharf.network.ports import Ports, Wanted, release, wanted_ports
from wharf.network.published import PublishedPort
from wharf.schema.host_config import PortBinding


def wanted(**bindings: str) -> list[Wanted]:
    asked = {
        key.replace("_", "/").removeprefix("p"): [PortBinding(host_port=value)]
        for key, value in bindings.items()
    }
    return wanted_ports(asked, (), publish_all=False, default_ip="0.0.0.0", has_ipv6=True)


def test_a_binding_without_an_address_is_for_all_of_them() -> None:
    assert wanted(p80_tcp="8080", p9_udp="") == [
        Wanted("udp", 9, ("0.0.0.0", "::"), 0, 0),
        Wanted("tcp", 80, ("0.0.0.0", "::"), 8080, 8080),
    ]


def test_all_that_is_exposed_is_published_where_that_is_asked() -> None:
    bindings = {"80/tcp": [PortBinding(host_ip="127.0.0.1", host_port="1-3")]}
    assert wanted_ports(
        bindings, ("99/tcp", "80/tcp"), publish_all=True, default_ip="10.0.0.1", has_ipv6=True
    ) == [
        Wanted("tcp", 80, ("127.0.0.1",), 1, 3),
        Wanted("tcp", 99, ("10.0.0.1",), 0, 0),
    ]


def test_a_port_that_is_reserved_cannot_be_had_by_others() -> None:
    [reserved] = Ports().reserve([Wanted("tcp", 80, ("127.0.0.1",), 0, 0)], (), "10.0.0.2")
    number = reserved.port.host_port
    try:
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with pytest.raises(OSError, match="Address already in use"):
                other.bind(("127.0.0.1", number))
        with pytest.raises(NoHostPort) as refused:
            Ports().reserve([Wanted("tcp", 80, ("127.0.0.1",), number, number)], (), "10.0.0.2")
        assert str(refused.value) == (
            f"failed to bind host port for 127.0.0.1:{number}:10.0.0.2:80/tcp: address already in use"
        )
    finally:
        release([reserved])


def test_the_engine_knows_its_own_ports() -> None:
    taken = [PublishedPort("tcp", 80, "0.0.0.0", 8080)]
    with pytest.raises(PortTaken) as refused:
        Ports().reserve([Wanted("tcp", 80, ("127.0.0.1",), 8080, 8080)], taken, "10.0.0.2")
    assert str(refused.value) == "Bind for 0.0.0.0:8080 failed: port is already allocated"


def test_a_range_that_is_taken_is_told_so() -> None:
    taken = [PublishedPort("udp", 80, "127.0.0.1", port) for port in (18090, 18091)]
    with pytest.raises(NoHostPort, match="all ports are allocated"):
        Ports().reserve([Wanted("udp", 80, ("127.0.0.1",), 18090, 18091)], taken, "10.0.0.2")


def test_nothing_is_held_when_one_of_several_fails() -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(NoHostPort, match="cannot assign requested address"):
        Ports().reserve(
            [Wanted("tcp", 80, ("127.0.0.1",), 0, 0), Wanted("tcp", 81, ("198.51.100.9",), 18099, 18099)],
            (),
            "10.0.0.2",
        )
    assert len(os.listdir("/proc/self/fd")) == before
