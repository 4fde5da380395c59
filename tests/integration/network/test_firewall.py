"""The packet filter seen by real connections: who can reach whom, and under which address."""

import errno
import os
import shutil
import subprocess
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from netns_kit import Namespace, isolated, talk
from network_kit import container, opened
from wharf import failpoint
from wharf.errors import InvalidParameter
from wharf.linux.netlink import Rtnl, link
from wharf.linux.netlink.message import Message
from wharf.linux.nftables import Chain, Family, Nft, Table, objects
from wharf.linux.nftables.nft import following
from wharf.network import Endpoint, Networks, NetworkSettings
from wharf.network.errors import NetworkTrouble
from wharf.network.firewall import BridgeRules, NoFirewall, PortRule, choose_firewall
from wharf.network.firewall_nftables import NftablesFirewall

OURS = Table(Family.INET, "wharf")
OUTSIDE = "198.51.100.2"
HOST = "198.51.100.1"

RULES = """\
table inet wharf {
	map into {
		type ifname : verdict
		elements = { "docker0" : jump into-docker0,
\t\t\t     "internal0" : jump into-internal0 }
	}

	chain forward {
		type filter hook forward priority filter; policy accept;
		iifname "internal0" oifname != "internal0" counter packets 0 bytes 0 drop
		oifname vmap @into
	}

	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr 172.17.0.0/16 oifname != "docker0" masquerade
	}

	chain into-docker0 {
		ct state established,related accept
		iifname "docker0" accept
		counter packets 0 bytes 0 drop
	}

	chain into-internal0 {
		iifname "internal0" drop
		counter packets 0 bytes 0 drop
	}
}
"""


def sh(*commands: str) -> None:
    for command in commands:
        subprocess.run(["ip", *command.split()], check=True)


def listing() -> str:
    return subprocess.run(["nft", "list", "ruleset"], check=True, capture_output=True, text=True).stdout


def words_of(rules: str) -> list[str]:
    """The elements of a set have no order."""
    return sorted(rules.replace(",", " ").split())


def attach(outside: Namespace) -> None:
    """Put a neighbour on a wire of the host's, who knows the way to the containers."""
    with Rtnl.open() as rtnl:
        rtnl.run(link.create_veth("wire", mtu=1500, peer="wire", peer_namespace=outside.fd))
    sh(f"addr add {HOST}/24 dev wire", "link set wire up")
    outside.run(
        lambda: sh(
            f"addr add {OUTSIDE}/24 dev wire", "link set wire up", f"route add 172.16.0.0/12 via {HOST}"
        )
    )


async def plugged(networks: Networks, n: int, inside: Namespace) -> Endpoint:
    endpoint = await networks.lease(container(n), "bridge")
    await networks.plug(endpoint, inside.netlink_fd)
    return endpoint


@isolated
async def test_a_container_reaches_the_outside_under_the_hosts_address(tmp_path: Path) -> None:
    async with opened(tmp_path) as networks:
        with Namespace() as inside, Namespace() as outside:
            attach(outside)
            await plugged(networks, 1, inside)
            assert talk(outside, inside, OUTSIDE) == HOST


@isolated
async def test_without_masquerading_the_outside_sees_the_containers_address(tmp_path: Path) -> None:
    async with opened(tmp_path, NetworkSettings(ip_masq=False)) as networks:
        with Namespace() as inside, Namespace() as outside:
            attach(outside)
            endpoint = await plugged(networks, 1, inside)
            assert talk(outside, inside, OUTSIDE) == endpoint.ip


@isolated
async def test_a_neighbour_cannot_reach_a_container(tmp_path: Path) -> None:
    async with opened(tmp_path) as networks:
        with Namespace() as inside, Namespace() as outside:
            attach(outside)
            endpoint = await plugged(networks, 1, inside)
            with pytest.raises(TimeoutError):
                talk(inside, outside, endpoint.ip, limit_s=0.3)
            assert talk(inside, None, endpoint.ip) == "172.17.0.1"


@isolated
async def test_without_rules_a_neighbour_can(tmp_path: Path) -> None:
    async with opened(tmp_path, NetworkSettings(iptables=False)) as networks:
        assert networks.firewall.name == "none"
        with Namespace() as inside, Namespace() as outside, Nft.open() as nft:
            attach(outside)
            endpoint = await plugged(networks, 1, inside)
            assert talk(inside, outside, endpoint.ip) == OUTSIDE
            assert nft.tables() == []


@isolated
async def test_a_restart_replaces_our_table_and_leaves_the_others(tmp_path: Path) -> None:
    theirs = Table(Family.INET, "theirs")
    with Nft.open() as nft:
        nft.commit([objects.add_table(theirs)])
        async with opened(tmp_path):
            rules = nft.rules(OURS)
        async with opened(tmp_path) as networks:
            assert nft.rules(OURS) == rules
            assert sorted(nft.tables()) == sorted([theirs, OURS])
            networks.firewall.remove()
            networks.firewall.remove()
        assert nft.tables() == [theirs]


@isolated
async def test_two_engines_have_a_table_each(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    async with (
        opened(tmp_path) as one,
        opened(tmp_path / "other", NetworkSettings(instance="wharf-other")) as two,
    ):
        with Namespace() as first, Namespace() as second, Nft.open() as nft:
            assert {table.name for table in nft.tables()} == {"wharf", "wharf-other"}
            mine = await plugged(one, 1, first)
            theirs = await plugged(two, 1, second)
            assert (mine.ip, theirs.ip) == ("172.17.0.2", "172.18.0.2")
            with pytest.raises(TimeoutError):
                talk(second, first, theirs.ip, limit_s=0.3)


@isolated
async def test_with_icc_off_the_bridge_drops_what_it_is_made_to_route(tmp_path: Path) -> None:
    async with opened(tmp_path, NetworkSettings(icc=False)) as networks:
        assert networks.find("bridge").options["com.docker.network.bridge.enable_icc"] == "false"
        with Namespace() as inside, Namespace() as outside:
            attach(outside)
            await plugged(networks, 1, inside)
            assert talk(outside, inside, OUTSIDE) == HOST


@isolated
def test_a_refused_transaction_leaves_the_old_rules() -> None:
    firewall = NftablesFirewall("wharf")
    bridge = BridgeRules("docker0", (ip_network("172.17.0.0/16"),), True, True, False)
    firewall.replace([bridge])
    with Nft.open() as nft:
        before = nft.rules(OURS)
        with pytest.raises(NetworkTrouble, match="cannot set up the firewall: "):
            firewall.replace([bridge, bridge._replace(bridge="longer-than-any-link")])
        assert nft.rules(OURS) == before


@pytest.mark.skipif(shutil.which("nft") is None, reason="nft(8) is not installed")
@isolated
def test_nft_reads_the_rules_as_they_were_meant() -> None:
    bridge = BridgeRules("docker0", (ip_network("172.17.0.0/16"),), True, True, False)
    internal = BridgeRules("internal0", (ip_network("172.18.0.0/16"),), False, False, True)
    NftablesFirewall("wharf").replace([bridge, internal])
    assert listing() == RULES


def test_the_backend_is_chosen_by_the_settings() -> None:
    assert isinstance(choose_firewall(NetworkSettings()), NftablesFirewall)
    assert isinstance(choose_firewall(NetworkSettings(iptables=False)), NoFirewall)
    with pytest.raises(InvalidParameter, match="iptables"):
        choose_firewall(NetworkSettings(firewall_backend="iptables"))
    with pytest.raises(InvalidParameter, match="invalid firewall-backend 'ipfw'"):
        choose_firewall(NetworkSettings(firewall_backend="ipfw"))


def published(*ports: int) -> BridgeRules:
    inside = ip_address("172.17.0.2")
    rules = [PortRule(6, ip_address("0.0.0.0"), port, inside, 80) for port in ports]
    rules += [PortRule(17, ip_address("127.0.0.1"), port, inside, 53) for port in ports]
    return BridgeRules("docker0", (ip_network("172.17.0.0/16"),), True, True, False, tuple(rules))


@pytest.mark.skipif(shutil.which("nft") is None, reason="nft(8) is not installed")
@isolated
def test_a_port_is_a_chain_that_a_map_leads_to() -> None:
    firewall = NftablesFirewall("wharf")
    firewall.replace([published(8080)])
    once = listing()
    for line in (
        "elements = { tcp . 8080 : jump tcp-8080 }",
        "elements = { udp . 8080 : jump own-udp-8080 }",
        "172.17.0.2 . tcp . 80",
        "172.17.0.2 . udp . 53",
        "fib daddr type local meta l4proto . th dport vmap @ports",
        "ct status dnat ip daddr . meta l4proto . th dport @admitted4 accept",
        "meta nfproto ipv4 meta l4proto tcp dnat ip to 172.17.0.2:80",
        "ip daddr 127.0.0.1 meta l4proto udp dnat ip to 172.17.0.2:53",
    ):
        assert line in once
    firewall.replace([published(8080, 8081)])
    assert "jump tcp-8081" in listing()
    firewall.replace([published(8080)])
    assert words_of(listing()) == words_of(once)
    NftablesFirewall("wharf").replace([published(8080)])
    assert words_of(listing()) == words_of(once)


@isolated
def test_a_port_touches_only_what_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    firewall = NftablesFirewall("wharf")
    firewall.replace([published(*range(1000, 1600))])
    with Nft.open() as nft:
        before = nft.rules(OURS)
        sizes: list[int] = []
        commit = Nft.commit

        def count(self: Nft, messages: Sequence[Message], *, generation: int | None = None) -> None:
            sizes.append(len(messages))
            commit(self, messages, generation=generation)

        monkeypatch.setattr(Nft, "commit", count)
        firewall.replace([published(*range(1000, 1601))])
        assert len(nft.rules(OURS)) == len(before) + 2
        firewall.replace([published(*range(1000, 1600))])
        assert sorted(nft.rules(OURS)) == sorted(before)
        firewall.replace([published(*range(1000, 1600))])
    assert len(sizes) == 2
    assert max(sizes) < 10


@isolated
def test_what_somebody_flushed_comes_back_with_the_next_change() -> None:
    firewall = NftablesFirewall("wharf")
    bridge = published(8080)
    firewall.replace([bridge])
    with Nft.open() as nft:
        whole = nft.rules(OURS)
        nft.commit([objects.flush_chain(Chain(OURS, "forward"))])
        assert nft.rules(OURS) != whole
        firewall.replace([bridge])
        assert nft.rules(OURS) == whole
        nft.commit([objects.delete_table(OURS)])
        firewall.replace([bridge])
        assert nft.rules(OURS) == whole


@isolated
def test_a_transaction_for_rules_that_have_changed_meanwhile_is_refused() -> None:
    with Nft.open() as nft:
        generation = nft.generation()
        nft.commit([objects.add_table(OURS)], generation=generation)
        assert nft.generation() == following(generation)
        with pytest.raises(OSError, match=os.strerror(errno.ERESTART)):
            nft.commit([objects.delete_table(OURS)], generation=generation)
        assert nft.tables() == [OURS]
    assert following(0xFFFFFFFF) == 1


@isolated
async def test_a_kill_in_the_transaction_leaves_all_or_nothing(tmp_path: Path) -> None:
    failpoint.arm("network.firewall.commit=error:5")
    with pytest.raises(NetworkTrouble):
        async with opened(tmp_path):
            pass
    failpoint.arm("")
    with Nft.open() as nft:
        assert nft.tables() == []
        async with opened(tmp_path):
            assert nft.tables() == [OURS]
