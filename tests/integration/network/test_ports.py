"""Published ports on the real kernel: where datagrams go, before, while and after."""

import socket
from ipaddress import IPv4Interface
from pathlib import Path

import pytest

from netns_kit import Namespace, isolated, talk
from network_kit import container, opened
from wharf.linux.netlink import Rtnl, link
from wharf.linux.netlink.address import add
from wharf.linux.netlink.conntrack import Conntrack
from wharf.network import NetworkSettings
from wharf.schema.host_config import PortBinding

UDP = 17
ASKED = {"53/udp": [PortBinding(host_ip="0.0.0.0", host_port="5353")]}


def answers(server: socket.socket, client: socket.socket, address: str) -> bool:
    """Whether a datagram from `client` to port 5353 at `address` arrives at `server`."""
    client.sendto(b"hello", (address, 5353))
    try:
        return server.recv(16) == b"hello"
    except TimeoutError:
        return False


def lo_up() -> None:
    with Rtnl.open() as rtnl:
        rtnl.run(link.change("lo", up=True))


def wire(rtnl: Rtnl, outside: Namespace) -> None:
    """Give the host, 198.51.100.1, a neighbour."""
    rtnl.run(link.create_veth("wire", mtu=1500, peer="wire", peer_namespace=outside.fd))
    set_up(rtnl, "198.51.100.1/24")

    def there() -> None:
        with Rtnl.open() as other:
            set_up(other, "198.51.100.2/24")

    outside.run(there)


def set_up(rtnl: Rtnl, interface: str) -> None:
    found = rtnl.link("wire")
    assert found is not None
    rtnl.run(add(found.ifindex, IPv4Interface(interface)), link.change(found.ifindex, up=True))


@isolated
async def test_datagrams_follow_a_port_that_is_published_and_withdrawn(tmp_path: Path) -> None:
    lo_up()
    async with opened(tmp_path) as networks:
        with Namespace() as inside, Conntrack.open() as conntrack:
            endpoint = await networks.lease(container(1), "bridge")
            await networks.plug(endpoint, inside.netlink_fd)
            server = inside.run(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            with server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                server.bind(("0.0.0.0", 53))
                server.settimeout(0.3)
                client.bind(("0.0.0.0", 40000))
                assert not answers(server, client, "172.17.0.1")
                assert conntrack.flows_to(4, UDP, 5353)
                client.sendto(b"hello", ("172.17.0.1", 5354))
                await networks.ports.publish(container(1), ASKED, (), publish_all=False)
                assert not conntrack.flows_to(4, UDP, 5353)
                assert len(conntrack.flows_to(4, UDP, 5354)) == 1
                assert answers(server, client, "172.17.0.1")
                [flow] = conntrack.flows_to(4, UDP, 5353)
                assert (flow.protocol, str(flow.destination), flow.port) == (UDP, "172.17.0.1", 5353)
                await networks.ports.take_back(container(1))
                assert not answers(server, client, "172.17.0.1")
                conntrack.forget([flow, flow])


@isolated
async def test_what_containers_ask_of_that_port_elsewhere_goes_on(tmp_path: Path) -> None:
    lo_up()
    with Rtnl.open() as rtnl, Namespace() as outside:
        wire(rtnl, outside)
        async with opened(tmp_path) as networks:
            with Namespace() as inside, Conntrack.open() as conntrack:
                endpoint = await networks.lease(container(1), "bridge")
                await networks.plug(endpoint, inside.netlink_fd)
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                    client.sendto(b"hello", ("198.51.100.2", 5353))
                    before = conntrack.flows_to(4, UDP, 5353)
                    assert len(before) == 1
                    await networks.ports.publish(container(1), ASKED, (), publish_all=False)
                    assert conntrack.flows_to(4, UDP, 5353) == before


@isolated
async def test_with_icc_off_containers_do_not_hear_each_other(tmp_path: Path) -> None:
    handed_over = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
    for icc in (True, False):
        (tmp_path / str(icc)).mkdir()
        async with opened(tmp_path / str(icc), NetworkSettings(icc=icc)) as networks:
            if handed_over.exists():
                handed_over.write_text("0")
            with Namespace() as one, Namespace() as other:
                endpoint = await networks.lease(container(1), "bridge")
                await networks.plug(endpoint, other.netlink_fd)
                await networks.plug(await networks.lease(container(2), "bridge"), one.netlink_fd)
                assert talk(other, None, endpoint.ip)
                if icc:
                    assert talk(other, one, endpoint.ip)
                else:
                    with pytest.raises(OSError):  # noqa: PT011  # no address is found, or no answer comes
                        talk(other, one, endpoint.ip, limit_s=0.3)
            await networks.retire()


@isolated
@pytest.mark.parametrize("policy", ["docker", "host-firewall"])
async def test_how_far_a_port_reaches_past_the_hosts_firewall(tmp_path: Path, policy: str) -> None:
    """With `host-firewall` who comes from elsewhere meets the host's own socket, here nobody's."""
    lo_up()
    with Rtnl.open() as rtnl, Namespace() as outside, Namespace() as inside:
        wire(rtnl, outside)
        async with opened(tmp_path, NetworkSettings(publish_policy=policy)) as networks:
            endpoint = await networks.lease(container(1), "bridge")
            await networks.plug(endpoint, inside.netlink_fd)
            asked = {"8000/tcp": [PortBinding(host_ip="0.0.0.0", host_port="8000")]}
            await networks.ports.publish(container(1), asked, (), publish_all=False)
            assert talk(inside, None, "198.51.100.1") == "198.51.100.1"
            if policy == "docker":
                assert talk(inside, outside, "198.51.100.1") == "198.51.100.2"
            else:
                with pytest.raises(ConnectionRefusedError):
                    talk(inside, outside, "198.51.100.1")


@isolated
@pytest.mark.parametrize(
    ("settings", "address"),
    [
        (NetworkSettings(), "0.0.0.0"),
        (NetworkSettings(host_ip="127.0.0.2"), "127.0.0.2"),
        (NetworkSettings(publish_policy="loopback"), "127.0.0.1"),
        (NetworkSettings(publish_policy="loopback", host_ip="127.0.0.3"), "127.0.0.3"),
    ],
)
async def test_where_a_port_is_published_that_names_no_address(
    tmp_path: Path, settings: NetworkSettings, address: str
) -> None:
    lo_up()
    async with opened(tmp_path, settings) as networks:
        with Namespace() as inside:
            endpoint = await networks.lease(container(1), "bridge")
            await networks.plug(endpoint, inside.netlink_fd)
            await networks.ports.publish(
                container(1), {"80/tcp": [PortBinding(host_port="18080")]}, (), publish_all=False
            )
            assert next(port.host_ip for port in networks.ports.of(container(1))) == address
            assert len(networks.ports.of(container(1))) == (2 if address == "0.0.0.0" else 1)
