"""Networks on the real kernel: leases, veth pairs, restarts, sweeps."""

import asyncio
import json
import os
import re
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from engine_kit.patience import eventually
from netns_kit import Namespace, isolated, ping, talk
from network_kit import CONTAINER, Event, container, opened
from wharf import failpoint
from wharf.errors import Conflict, InvalidParameter, NotFound
from wharf.linux.netlink.connection import Connection
from wharf.linux.netlink.message import Message, Received
from wharf.network import EndpointRequest, NetworkSettings
from wharf.network.errors import (
    AddressInUse,
    AddressOutOfRange,
    EndpointExists,
    InvalidEndpoint,
    NetworkTrouble,
    NoFreeAddress,
)

OPEN = NetworkSettings(iptables=False)


def ip(*arguments: str) -> list[dict[str, Any]]:
    """Return what the oracle (iproute2) says."""
    done = subprocess.run(["ip", "-d", "-j", *arguments], check=True, capture_output=True, text=True)
    found: list[dict[str, Any]] = json.loads(done.stdout or "[]")
    return found


def sh(*commands: str) -> None:
    """Arrange with iproute2."""
    for command in commands:
        subprocess.run(["ip", *command.split()], check=True)


def links() -> set[str]:
    return {entry["ifname"] for entry in ip("link")}


def sysctl(name: str) -> str:
    return Path("/proc/sys/net", name).read_text().strip()


def switch_forwarding_off() -> None:
    Path("/proc/sys/net/ipv4/ip_forward").write_text("0")


@isolated
async def test_the_predefined_networks_are_those_of_docker(tmp_path: Path) -> None:
    async with opened(tmp_path, OPEN) as networks:
        assert {(n.name, n.driver, n.scope) for n in networks.list()} == {
            ("bridge", "bridge", "local"),
            ("host", "host", "local"),
            ("none", "null", "local"),
        }
        bridge = networks.find("bridge")
        assert bridge.options == {
            "com.docker.network.bridge.default_bridge": "true",
            "com.docker.network.bridge.enable_icc": "true",
            "com.docker.network.bridge.enable_ip_masquerade": "true",
            "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",
            "com.docker.network.bridge.name": "docker0",
            "com.docker.network.driver.mtu": "1500",
        }
        assert [(c.subnet, c.gateway) for c in bridge.ipam] == [("172.17.0.0/16", "172.17.0.1")]
        assert re.fullmatch("[0-9a-f]{64}", bridge.id)
        assert networks.find(bridge.id) == networks.find(bridge.id[:5]) == bridge
        with pytest.raises(NotFound, match=r"^network nosuch not found$"):
            networks.find("nosuch")


@isolated
async def test_the_bridge_is_up_with_the_gateways_address_and_no_ipv6(tmp_path: Path) -> None:
    async with opened(tmp_path, OPEN):
        (link,) = ip("addr", "show", "docker0")
    assert [(a["local"], a["prefixlen"]) for a in link["addr_info"]] == [("172.17.0.1", 16)]
    assert "UP" in link["flags"]
    assert (sysctl("ipv6/conf/docker0/accept_ra"), sysctl("ipv6/conf/docker0/disable_ipv6")) == ("0", "1")
    assert sysctl("ipv4/conf/docker0/route_localnet") == "0"


@isolated
async def test_forwarding_is_switched_on_unless_told_otherwise(tmp_path: Path) -> None:
    switch_forwarding_off()
    async with opened(tmp_path, OPEN._replace(ip_forward=False)):
        assert sysctl("ipv4/ip_forward") == "0"
    async with opened(tmp_path, OPEN):
        assert sysctl("ipv4/ip_forward") == "1"


@isolated
async def test_the_default_bridge_has_ipv6_where_that_is_asked(tmp_path: Path) -> None:
    switch_forwarding_off()
    async with opened(tmp_path, OPEN) as networks:
        assert not networks.find("bridge").enable_ipv6
        assert sysctl("ipv6/conf/all/forwarding") == "0"
    named = OPEN._replace(ipv6=True, fixed_cidr_v6="2001:db8:1::/64")
    async with opened(tmp_path, named) as networks:
        bridge = networks.find("bridge")
        assert [(c.subnet, c.gateway) for c in bridge.subnets] == [
            ("172.17.0.0/16", "172.17.0.1"),
            ("2001:db8:1::/64", "2001:db8:1::1"),
        ]
        assert (sysctl("ipv4/ip_forward"), sysctl("ipv6/conf/all/forwarding")) == ("1", "1")
        with Namespace() as inside:
            endpoint = await networks.lease(CONTAINER, "bridge", EndpointRequest())
            await networks.plug(endpoint, inside.netlink_fd)
            assert (endpoint.ip, endpoint.ip6) == ("172.17.0.2", "2001:db8:1::2")
            [route] = inside.run(lambda: ip("-6", "route", "show", "default"))
            assert (route["gateway"], route["dev"]) == ("2001:db8:1::1", "eth0")
    async with opened(tmp_path, OPEN) as networks:
        assert networks.find("bridge") == bridge, "a container is on it"
        await networks.release(endpoint)
    async with opened(tmp_path, OPEN._replace(ipv6=True)) as networks:
        chosen = networks.find("bridge").subnets[1]
        assert chosen.subnet == "fd00::/64"
        endpoint = await networks.lease(CONTAINER, "bridge", EndpointRequest())
    async with opened(tmp_path, named) as networks:
        assert networks.find("bridge").subnets[1] == chosen
        await networks.release(endpoint)
    async with opened(tmp_path, OPEN._replace(ipv6=True)) as networks:
        assert networks.find("bridge").subnets[1] == chosen
    async with opened(tmp_path, OPEN) as networks:
        assert not networks.find("bridge").enable_ipv6
        addresses = [info["local"] for link in ip("addr", "show", "docker0") for info in link["addr_info"]]
        assert addresses == ["172.17.0.1"]
    with pytest.raises(InvalidParameter, match=r"^invalid CIDR address: 10\.0\.0\.0/8$"):
        async with opened(tmp_path, OPEN._replace(ipv6=True, fixed_cidr_v6="10.0.0.0/8")):
            pass


@isolated
async def test_a_container_gets_eth0_with_address_route_and_loopback(tmp_path: Path) -> None:
    async with opened(tmp_path, OPEN) as networks:
        with Namespace() as inside:
            endpoint = await networks.lease(CONTAINER, "bridge", EndpointRequest())
            await networks.plug(endpoint, inside.netlink_fd)
            assert (endpoint.ip, endpoint.prefix_len, endpoint.gateway) == ("172.17.0.2", 16, "172.17.0.1")
            assert re.fullmatch("veth[0-9a-f]{7}", endpoint.host_link)
            assert int(endpoint.mac[:2], 16) & 3 == 2
            found = {link["ifname"]: link for link in inside.run(lambda: ip("addr"))}
            assert set(found) == {"lo", "eth0"}
            assert "UP" in found["lo"]["flags"]
            assert (found["eth0"]["mtu"], found["eth0"]["address"]) == (1500, endpoint.mac)
            # The kernel makes it so a moment later, by a worker.
            eventually(lambda: inside.run(lambda: ip("link", "show", "eth0"))[0]["operstate"] == "UP")
            assert "txqlen" not in found["eth0"]
            assert [(a["local"], a["prefixlen"], a["broadcast"]) for a in found["eth0"]["addr_info"]] == [
                ("172.17.0.2", 16, "172.17.255.255")
            ]
            routes = {(r["dst"], r.get("gateway")) for r in inside.run(lambda: ip("route"))}
            assert routes == {("default", "172.17.0.1"), ("172.17.0.0/16", None)}
            for where, link, expected in (
                (inside.sysctl, "eth0", ("0", "1")),
                (inside.sysctl, "lo", ("1", "0")),
                (inside.sysctl, "default", ("1", "0")),
                (lambda name: sysctl(name.removeprefix("net/")), endpoint.host_link, ("0", "1")),
            ):
                names = (f"net/ipv6/conf/{link}/accept_ra", f"net/ipv6/conf/{link}/disable_ipv6")
                assert tuple(where(name) for name in names) == expected
            assert inside.sysctl("net/ipv4/conf/eth0/arp_notify") == "0"
            (host_end,) = ip("link", "show", endpoint.host_link)
            assert host_end["master"] == "docker0"


@isolated
async def test_plugging_takes_six_round_trips_to_the_kernel(tmp_path: Path) -> None:
    trips = 0
    attempt, ask = Connection.attempt, Connection.ask

    def counted_attempt(self: Connection, messages: Sequence[Message]) -> list[OSError | None]:
        nonlocal trips
        trips += 1
        return attempt(self, messages)

    def counted_ask(self: Connection, message: Message) -> list[Received]:
        nonlocal trips
        trips += 1
        return ask(self, message)

    async with opened(tmp_path, OPEN) as networks:
        with Namespace() as inside:
            endpoint = await networks.lease(CONTAINER, "bridge")
            Connection.attempt, Connection.ask = counted_attempt, counted_ask  # type: ignore[method-assign]  # the process is this test's own
            await networks.plug(endpoint, inside.netlink_fd)
    assert trips <= 6


@isolated
async def test_two_containers_and_the_host_talk_through_the_bridge(tmp_path: Path) -> None:
    async with opened(tmp_path, OPEN) as networks:
        with Namespace() as one, Namespace() as two:
            first = await networks.lease(container(1), "bridge")
            second = await networks.lease(container(2), "bridge")
            await networks.plug(first, one.netlink_fd)
            await networks.plug(second, two.netlink_fd)
            assert talk(two, one, second.ip) == first.ip
            assert talk(one, None, first.ip) == "172.17.0.1"
            assert one.run(lambda: ping(second.ip)) == second.ip


@isolated
async def test_mac_and_address_are_as_asked(tmp_path: Path) -> None:
    async with opened(tmp_path, OPEN) as networks:
        with Namespace() as inside:
            wanted = EndpointRequest(ip="172.17.9.9", mac="02-AA-00-00-00-01")
            endpoint = await networks.lease(CONTAINER, "bridge", wanted)
            await networks.plug(endpoint, inside.netlink_fd)
            (eth0,) = inside.run(lambda: ip("addr", "show", "eth0"))
            assert (eth0["address"], eth0["addr_info"][0]["local"]) == ("02:aa:00:00:00:01", "172.17.9.9")
        with pytest.raises(AddressInUse, match=r"^Address already in use$"):
            await networks.lease(container(2), "bridge", EndpointRequest(ip="172.17.9.9"))
        with pytest.raises(AddressInUse):
            await networks.lease(container(2), "bridge", EndpointRequest(ip="172.17.0.1"))
        with pytest.raises(AddressOutOfRange):
            await networks.lease(container(2), "bridge", EndpointRequest(ip="10.0.0.1"))


@isolated
async def test_an_address_of_ones_own_is_for_user_defined_networks(tmp_path: Path) -> None:
    async with opened(tmp_path, OPEN) as networks:
        with pytest.raises(InvalidEndpoint) as refused:
            networks.check("default", EndpointRequest(ip="172.17.0.9"))
        assert str(refused.value) == (
            "invalid config for network bridge: invalid endpoint settings:\n"
            "* user specified IP address is supported on user defined networks only\n"
            "* user specified IP address is supported only when connecting to networks with user configured"
            " subnets"
        )


@isolated
async def test_a_second_endpoint_of_a_container_on_a_network_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path, OPEN) as networks:
        await networks.lease(CONTAINER, "bridge")
        with pytest.raises(EndpointExists):
            await networks.lease(CONTAINER, "default")


@isolated
async def test_addresses_rise_and_are_not_used_again_at_once(tmp_path: Path) -> None:
    async with opened(tmp_path, OPEN) as networks:
        first = await networks.lease(container(1), "bridge")
        second = await networks.lease(container(2), "bridge")
        await networks.release(first)
        third = await networks.lease(container(3), "bridge")
        assert [e.ip for e in (first, second, third)] == ["172.17.0.2", "172.17.0.3", "172.17.0.4"]
    async with opened(tmp_path, OPEN) as networks:
        assert (await networks.lease(container(4), "bridge")).ip == "172.17.0.5"


@isolated
async def test_a_full_network_says_so_in_dockers_words(tmp_path: Path) -> None:
    async with opened(tmp_path, OPEN._replace(bip="10.7.7.1/29")) as networks:
        taken = [await networks.lease(container(n), "bridge") for n in range(5)]
        assert [e.ip for e in taken] == [f"10.7.7.{n}" for n in range(2, 7)]
        bridge = networks.find("bridge")
        with pytest.raises(NoFreeAddress) as full:
            await networks.lease(container(9), "bridge")
        assert str(full.value) == (
            f"no available IPv4 addresses on this network's address pools: bridge ({bridge.id})"
        )
        await networks.release(taken[3])
        assert (await networks.lease(container(9), "bridge")).ip == taken[3].ip


@isolated
async def test_host_and_none_need_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path, OPEN) as networks:
        with Namespace() as inside:
            none = await networks.lease(container(1), "none")
            host = await networks.lease(container(2), "host")
            before = links()
            await networks.plug(none, inside.netlink_fd)
            await networks.plug(host, -1)
            assert links() == before
            assert [link["ifname"] for link in inside.run(lambda: ip("link"))] == ["lo"]
            assert (none.ip, none.host_link, host.ip, host.mac) == ("", "", "", "")
            for endpoint in (none, host):
                await networks.unplug(endpoint, patience_s=0)
                await networks.release(endpoint)
            assert networks.endpoints(container(1)) == []


@isolated
async def test_connecting_and_disconnecting_are_events(tmp_path: Path) -> None:
    events: list[Event] = []
    async with opened(tmp_path, OPEN, events) as networks:
        endpoint = await networks.lease(CONTAINER, "bridge")
        await networks.release(endpoint)
        await networks.release(endpoint)
        bridge = networks.find("bridge")
    attributes = {"container": CONTAINER, "name": "bridge", "type": "bridge"}
    assert events == [
        ("network", "connect", bridge.id, attributes),
        ("network", "disconnect", bridge.id, attributes),
    ]


@isolated
async def test_unplugging_removes_the_pair_once(tmp_path: Path) -> None:
    async with opened(tmp_path, OPEN) as networks:
        before = links()
        with Namespace() as inside:
            endpoint = await networks.lease(CONTAINER, "bridge")
            await networks.plug(endpoint, inside.netlink_fd)
            assert links() == before | {endpoint.host_link}
            await networks.unplug(endpoint, patience_s=0)
            assert links() == before
            await networks.unplug(endpoint, patience_s=0)
            await networks.release(endpoint)


@isolated
async def test_the_pair_of_a_namespace_that_ended_is_left_to_the_kernel(tmp_path: Path) -> None:
    async with opened(tmp_path, OPEN) as networks:
        inside = Namespace()
        endpoint = await networks.lease(CONTAINER, "bridge")
        await networks.plug(endpoint, inside.netlink_fd)
        inside.close()
        failpoint.arm("network.unplug=error:5")
        await networks.unplug(endpoint, patience_s=10)
        assert links() == {"lo", "docker0"}


@isolated
async def test_many_pairs_go_together(tmp_path: Path) -> None:
    async with opened(tmp_path, OPEN) as networks:
        spaces = [Namespace() for _ in range(8)]
        endpoints = [await networks.lease(container(n), "bridge") for n in range(8)]
        for endpoint, space in zip(endpoints, spaces, strict=True):
            await networks.plug(endpoint, space.netlink_fd)
        await asyncio.gather(*(networks.unplug(endpoint, patience_s=0) for endpoint in endpoints[1:]))
        assert links() == {"lo", "docker0", endpoints[0].host_link}


@isolated
async def test_a_link_that_is_not_ours_any_more_is_not_deleted(tmp_path: Path) -> None:
    async with opened(tmp_path, OPEN) as networks:
        endpoint = await networks.lease(CONTAINER, "bridge")
        sh(f"link add {endpoint.host_link} type veth peer name other")
        with pytest.raises(Conflict, match="is not a port of network bridge"):
            await networks.unplug(endpoint, patience_s=0)
        assert endpoint.host_link in links()


@isolated
async def test_a_release_before_the_unplug_keeps_the_link_on_record(tmp_path: Path) -> None:
    with Namespace() as inside:
        async with opened(tmp_path, OPEN) as networks:
            endpoint = await networks.lease(CONTAINER, "bridge")
            await networks.plug(endpoint, inside.netlink_fd)
            await networks.release(endpoint)
            assert networks.endpoints(CONTAINER) == []
        async with opened(tmp_path, OPEN) as networks:
            assert await networks.sweep([]) == [endpoint.host_link]
            assert await networks.sweep([]) == []
        assert endpoint.host_link not in links()


@isolated
async def test_a_restart_keeps_bridge_addresses_and_plugged_containers(tmp_path: Path) -> None:
    with Namespace() as inside:
        async with opened(tmp_path, OPEN) as networks:
            endpoint = await networks.lease(CONTAINER, "bridge")
            await networks.plug(endpoint, inside.netlink_fd)
            before, link_before = networks.list(), ip("link", "show", "docker0")
        async with opened(tmp_path, OPEN) as networks:
            assert networks.list() == before
            assert networks.endpoints(CONTAINER) == [endpoint]
            assert await networks.sweep([CONTAINER]) == []
            assert ip("link", "show", "docker0")[0]["ifindex"] == link_before[0]["ifindex"]
            assert talk(inside, None, endpoint.ip) == "172.17.0.1"


@isolated
async def test_a_host_that_was_switched_off_gets_its_bridge_again(tmp_path: Path) -> None:
    async with opened(tmp_path, OPEN._replace(bip="10.9.0.1/24")) as networks:
        recorded = networks.find("bridge")
    sh("link del docker0")
    async with opened(tmp_path, OPEN) as networks:
        assert networks.find("bridge").ipv4.interface == recorded.ipv4.interface
        (link,) = ip("addr", "show", "docker0")
        assert recorded.link is not None
        assert (link["address"], link["addr_info"][0]["local"]) == (recorded.link.mac, "10.9.0.1")


@isolated
async def test_somebody_elses_docker0_is_left_alone(tmp_path: Path) -> None:
    sh("link add docker0 type bridge", "addr add 172.17.0.1/16 dev docker0")
    before = ip("addr", "show", "docker0")
    async with opened(tmp_path, OPEN) as networks:
        bridge = networks.find("bridge")
        assert bridge.options["com.docker.network.bridge.name"] == "wharf0"
        assert bridge.ipam[0].subnet == "172.18.0.0/16"
    assert ip("addr", "show", "docker0") == before
    (tmp_path / "other").mkdir()
    async with opened(tmp_path / "other", OPEN) as networks:
        assert networks.find("bridge").options["com.docker.network.bridge.name"] == "wharf1"
        assert networks.find("bridge").ipam[0].subnet == "172.19.0.0/16"


@isolated
async def test_our_docker0_that_another_engine_made_anew_is_not_ours_any_more(tmp_path: Path) -> None:
    async with opened(tmp_path, OPEN):
        pass
    sh("link del docker0", "link add docker0 type bridge")
    before = ip("addr", "show", "docker0")
    async with opened(tmp_path, OPEN) as networks:
        assert networks.find("bridge").options["com.docker.network.bridge.name"] == "wharf0"
    assert ip("addr", "show", "docker0") == before


@isolated
async def test_subnets_that_overlap_a_route_are_passed_over(tmp_path: Path) -> None:
    sh(
        "link add d0 type veth peer name d1",
        "link set d0 up",
        "route add 172.16.0.0/15 dev d0",
        "addr add 172.18.255.1/24 dev d0",
        "route add default dev d0",
    )
    async with opened(tmp_path, OPEN) as networks:
        assert networks.find("bridge").ipam[0].subnet == "172.19.0.0/16"


@isolated
async def test_a_bridge_of_the_users_keeps_its_address_and_its_other_ports(tmp_path: Path) -> None:
    sh(
        "link add br9 type bridge",
        "addr add 10.3.0.254/24 dev br9",
        "link set br9 up",
        "link add veth1234567 master br9 type veth peer name other",
    )
    async with opened(tmp_path, OPEN._replace(bridge="br9")) as networks:
        endpoint = await networks.lease(CONTAINER, "bridge")
        assert (endpoint.ip, endpoint.gateway) == ("10.3.0.1", "10.3.0.254")
        assert await networks.sweep([]) == []
    assert {"br9", "veth1234567", "other"} <= links()
    assert sysctl("ipv6/conf/br9/disable_ipv6") == "0"


@isolated
async def test_a_named_bridge_that_is_missing_is_made_and_goes_when_the_name_changes(tmp_path: Path) -> None:
    async with opened(tmp_path, OPEN._replace(bridge="br7")) as networks:
        assert networks.find("bridge").options["com.docker.network.bridge.name"] == "br7"
    assert "br7" in links()
    async with opened(tmp_path, OPEN._replace(bridge="br8")) as networks:
        assert networks.find("bridge").options["com.docker.network.bridge.name"] == "br8"
    assert "br8" in links()
    assert "br7" not in links()


@isolated
async def test_the_word_none_means_no_bridge_network(tmp_path: Path) -> None:
    async with opened(tmp_path, OPEN._replace(bridge="none")) as networks:
        assert {n.name for n in networks.list()} == {"host", "none"}
    assert links() == {"lo"}


@isolated
async def test_a_plug_that_fails_half_way_leaves_no_link(tmp_path: Path) -> None:
    async with opened(tmp_path, OPEN) as networks:
        before = links()
        with Namespace() as inside:
            endpoint = await networks.lease(CONTAINER, "bridge")
            failpoint.arm("network.plug.inside=error:5")
            with pytest.raises(NetworkTrouble, match="cannot connect to network bridge: input/output error"):
                await networks.plug(endpoint, inside.netlink_fd)
            failpoint.arm("")
            assert links() == before
            await networks.plug(endpoint, inside.netlink_fd)


@isolated
async def test_a_lease_that_could_not_be_written_is_not_given(tmp_path: Path) -> None:
    async with opened(tmp_path, OPEN) as networks:
        failpoint.arm("network.lease=error:28")
        with pytest.raises(OSError, match="No space left"):
            await networks.lease(CONTAINER, "bridge")
        failpoint.arm("")
        assert networks.endpoints(CONTAINER) == []
        assert (await networks.lease(CONTAINER, "bridge")).ip == "172.17.0.3"


@isolated
async def test_a_cancelled_lease_or_release_leaves_record_and_memory_agreed(tmp_path: Path) -> None:
    failpoint.arm("state.commit=delay:0.05")
    async with opened(tmp_path, OPEN) as networks:
        leasing = asyncio.create_task(networks.lease(CONTAINER, "bridge"))
        await asyncio.sleep(0)
        leasing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leasing
        assert networks.endpoints(CONTAINER) == []
        endpoint = await networks.lease(CONTAINER, "bridge", EndpointRequest(ip="172.17.0.2"))
        releasing = asyncio.create_task(networks.release(endpoint))
        await asyncio.sleep(0)
        releasing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await releasing
        assert networks.endpoints(CONTAINER) == []
        kept = await networks.lease(CONTAINER, "bridge", EndpointRequest(ip="172.17.0.2"))
    async with opened(tmp_path, OPEN) as networks:
        assert networks.endpoints(CONTAINER) == [kept]


POINTS = (
    "bridge.create",
    "bridge.created",
    "bridge.address",
    "forward",
    "firewall",
    "lease",
    "plug.veth",
    "plug.made",
    "plug.inside",
    "plug.done",
    "unplug",
    "release",
)


async def live_and_die(folder: Path, netlink_fd: int) -> None:
    async with opened(folder, OPEN) as networks:
        endpoint = await networks.lease(CONTAINER, "bridge")
        await networks.plug(endpoint, netlink_fd)
        await networks.unplug(endpoint, patience_s=0)
        await networks.release(endpoint)


async def recover(folder: Path) -> None:
    async with opened(folder, OPEN) as networks:
        await networks.sweep([])
        assert networks.endpoints(CONTAINER) == []
        assert (await networks.lease(CONTAINER, "bridge")).ip in {"172.17.0.2", "172.17.0.3"}


@pytest.mark.parametrize("point", POINTS)
@isolated
def test_a_kill_at_any_step_leaves_nothing_after_the_next_start(tmp_path: Path, point: str) -> None:
    switch_forwarding_off()
    with Namespace() as inside:
        pid = os.fork()
        if pid == 0:
            failpoint.arm(f"network.{point}=kill")
            try:
                asyncio.run(live_and_die(tmp_path, inside.netlink_fd))
            finally:
                os._exit(0)
        _, status = os.waitpid(pid, 0)
        assert os.WTERMSIG(status) == signal.SIGKILL
        asyncio.run(recover(tmp_path))
        assert links() == {"lo", "docker0"}
        assert inside.run(links) == {"lo"}
        assert [a["local"] for a in ip("addr", "show", "docker0")[0]["addr_info"]] == ["172.17.0.1"]


@isolated
async def test_an_engine_without_containers_takes_its_bridge_and_rules_along(tmp_path: Path) -> None:
    async with opened(tmp_path) as networks:
        endpoint = await networks.lease("c" * 64, "bridge")
        await networks.retire()
        assert "docker0" in links()
        await networks.release(endpoint)
        await networks.retire()
        assert "docker0" not in links()
