"""rtnetlink on the real kernel, beside ip(8) and pyroute2."""

import errno
import json
import subprocess
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

import pytest

from netns_kit import Namespace, isolated
from wharf.linux.netlink import Rtnl, address, link, neighbour, route
from wharf.linux.netlink.connection import Connection
from wharf.linux.netlink.rtnl import NETLINK_ROUTE

MAC = "02:00:00:00:00:07"


def ip(*arguments: str) -> list[dict[str, Any]]:
    """Return what the oracle (iproute2) says."""
    done = subprocess.run(["ip", "-d", "-j", *arguments], check=True, capture_output=True, text=True)
    found: list[dict[str, Any]] = json.loads(done.stdout or "[]")
    return found


@isolated
def test_a_bridge_is_made_with_its_mac_and_mtu() -> None:
    with Rtnl.open() as rtnl:
        rtnl.run(link.create_bridge("br0", mac=MAC, mtu=1400), link.change("br0", up=True))
        ours = rtnl.link("br0")
    (seen,) = ip("link", "show", "br0")
    assert (seen["address"], seen["mtu"], seen["linkinfo"]["info_kind"]) == (MAC, 1400, "bridge")
    assert "UP" in seen["flags"]
    assert ours is not None
    assert (ours.ifindex, ours.name, ours.kind, ours.mac, ours.mtu, ours.is_up, ours.master) == (
        seen["ifindex"],
        "br0",
        "bridge",
        MAC,
        1400,
        True,
        0,
    )


@isolated
def test_the_peer_of_a_veth_is_born_in_another_namespace() -> None:
    with Namespace() as other, Rtnl.open() as rtnl, Rtnl.from_fd(other.netlink_fd) as inside:
        rtnl.run(link.create_bridge("br0", mac=MAC, mtu=1500))
        bridge = rtnl.link("br0")
        assert bridge is not None
        namespace = inside.namespace()
        rtnl.run(
            link.create_veth(
                "veth1234567",
                mtu=1450,
                peer="eth0",
                peer_mac="02:00:00:00:00:09",
                peer_namespace=namespace,
                master=bridge.ifindex,
            )
        )
        peer = inside.link("eth0")
        assert peer is not None
        assert (peer.mac, peer.mtu, peer.kind, peer.is_up) == ("02:00:00:00:00:09", 1450, "veth", False)
        assert [port.name for port in rtnl.links(master=bridge.ifindex)] == ["veth1234567"]
        assert rtnl.link("eth0") is None
        (seen,) = other.run(lambda: ip("link", "show", "eth0"))
        assert (seen["address"], seen["mtu"]) == (peer.mac, peer.mtu)


@isolated
def test_listing_links_agrees_with_ip_and_pyroute2() -> None:
    from pyroute2 import IPRoute

    with Rtnl.open() as rtnl, IPRoute() as oracle:
        rtnl.run(
            link.create_bridge("br0", mac=MAC, mtu=1500),
            link.create_veth("a", mtu=1500, peer="b"),
            link.change("a", up=True),
        )
        ours = {found.name: found for found in rtnl.links()}
        seen = {entry["ifname"]: entry for entry in ip("link")}
        theirs = {entry.get("ifname"): entry for entry in oracle.get_links()}
    assert set(ours) == set(seen) == set(theirs) >= {"lo", "br0", "a", "b"}
    for name, found in ours.items():
        assert found.ifindex == seen[name]["ifindex"] == theirs[name]["index"]
        assert found.mac == seen[name]["address"] == theirs[name].get("address")
        assert found.mtu == seen[name]["mtu"]
        assert found.is_up == ("UP" in seen[name]["flags"])
        assert found.flags == theirs[name]["flags"]
    assert ours["a"].peer == ours["b"].ifindex


@isolated
def test_a_link_is_renamed_readdressed_and_deleted_with_its_peer() -> None:
    with Rtnl.open() as rtnl:
        rtnl.run(link.create_veth("a", mtu=1500, peer="b"))
        before = rtnl.link("a")
        assert before is not None
        rtnl.run(link.change(before.ifindex, name="c", mac=MAC, mtu=1300))
        after = rtnl.link("c")
        assert after is not None
        assert (after.ifindex, after.mac, after.mtu) == (before.ifindex, MAC, 1300)
        assert rtnl.delete_link("c") is True
        assert rtnl.delete_link("c") is False
        assert rtnl.link("b") is None


@isolated
def test_addresses_and_routes_agree_with_ip() -> None:
    with Rtnl.open() as rtnl:
        rtnl.run(link.create_veth("a", mtu=1500, peer="b"), link.change("b", up=True))
        index = getattr(rtnl.link("a"), "ifindex", 0)
        rtnl.run(
            address.add(index, ip_interface("10.1.2.3/24")),
            address.add(index, ip_interface("fd00:1::3/64")),
            link.change("a", up=True),
            route.add(ip_network("0.0.0.0/0"), gateway=ip_address("10.1.2.1"), link=index),
            route.add(ip_network("10.9.0.0/16"), link=index),
            neighbour.replace(index, ip_address("10.1.2.9"), MAC),
        )
        addresses = {found.interface for found in rtnl.addresses(link=index)}
        main = [found for found in rtnl.routes() if found.table == route.RT_TABLE_MAIN]
        neighbours = {(found.address, found.mac) for found in rtnl.neighbours()}
        assert (ip_address("10.1.2.9"), MAC) in neighbours
        rtnl.run(neighbour.remove(index, ip_address("10.1.2.9")))
        assert (ip_address("10.1.2.9"), MAC) not in {(n.address, n.mac) for n in rtnl.neighbours()}
    (seen,) = ip("addr", "show", "a")
    information = {f"{found['local']}/{found['prefixlen']}": found for found in seen["addr_info"]}
    assert information["10.1.2.3/24"]["broadcast"] == "10.1.2.255"
    assert information["10.1.2.3/24"]["scope"] == "global"
    assert {str(found) for found in addresses} == set(information)
    seen_routes = {(found["dst"], found.get("gateway")) for found in ip("route")}
    ours = {
        ("default" if not r.destination.prefixlen else str(r.destination), r.gateway and str(r.gateway))
        for r in main
    }
    assert ours == seen_routes == {("default", "10.1.2.1"), ("10.9.0.0/16", None), ("10.1.2.0/24", None)}


@isolated
def test_a_refusal_carries_the_errno_and_the_kernels_words() -> None:
    with Rtnl.open() as rtnl:
        rtnl.run(link.create_bridge("br0", mac=MAC, mtu=1500), link.change("br0", up=True))
        with pytest.raises(OSError, match="Network is unreachable: Nexthop has invalid gateway") as refused:
            rtnl.run(route.add(ip_network("0.0.0.0/0"), gateway=ip_address("10.1.2.1")))
        assert refused.value.errno == errno.ENETUNREACH
        with pytest.raises(FileExistsError):
            rtnl.run(link.create_bridge("br0", mac=MAC, mtu=1500))


@isolated
def test_a_batch_goes_on_after_a_failure_and_says_which_failed() -> None:
    with Rtnl.open() as rtnl:
        outcome = rtnl.attempt(
            [
                link.delete("nosuch"),
                link.create_bridge("br0", mac=MAC, mtu=1500),
                link.change("nosuch", up=True),
            ]
        )
        assert [error.errno if error else 0 for error in outcome] == [errno.ENODEV, 0, errno.ENODEV]
        assert rtnl.link("br0") is not None
        with pytest.raises(OSError, match="No such device"):
            rtnl.run(link.change("br0", up=True), link.delete("nosuch"))


@isolated
def test_a_socket_from_elsewhere_may_hold_answers_that_are_not_ours() -> None:
    with Namespace() as other:
        with Connection.from_fd(other.netlink_fd, NETLINK_ROUTE) as stranger:
            stranger.socket.sendto(
                b"\x14\0\0\0\x12\0\x01\x03\x01\0\0\0\0\0\0\0\0\0\0\0", (0, 0)
            )  # a dump of links that nobody reads
        with Rtnl.from_fd(other.netlink_fd) as inside:
            lo = inside.link("lo")
            assert lo is not None
            assert lo.name == "lo"
            inside.run(link.change("lo", up=True))
            assert [found.name for found in inside.links()] == ["lo"]


@isolated
def test_an_answer_that_never_came_is_an_error_not_a_wait() -> None:
    with Connection.open(NETLINK_ROUTE) as connection, pytest.raises(BlockingIOError):
        list(connection._receive(1, 1))


@isolated
def test_a_dump_of_many_links_is_complete() -> None:
    with Rtnl.open() as rtnl:
        rtnl.run(*(link.create_bridge(f"br{n}", mac=f"02:00:00:00:00:{n:02x}", mtu=1500) for n in range(100)))
        assert len(rtnl.links()) == 101


@isolated
def test_a_borrowed_socket_stays_open_for_its_owner() -> None:
    with Namespace() as other:
        Rtnl.from_fd(other.netlink_fd).close()
        with Rtnl.from_fd(other.netlink_fd) as again:
            assert again.link("lo") is not None
