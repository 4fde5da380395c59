"""The packet filter as one nf_tables table of ours, spoken to directly.

What the rules mean is what the reference's iptables rules mean: connections from a bridge's containers to
elsewhere are let through and get the host's address; into a bridge come only answers, and packets of the
bridge's own containers. All of it lies in one table of family inet, named after the engine's instance, and
is changed in transactions: no packet meets half of it, and nobody else's rule is touched. A change says only
what differs, so that a port costs the same whether it is the first or the thousandth; whoever flushes the
rules in between is found out by the kernel's count of transactions, and then all of it is made anew.

What a table cannot do: a packet must be accepted by the base chains of all tables at a hook. Where another
program's FORWARD policy is DROP (iptables), our `accept` does not bring a packet past it.
"""

import errno
import os
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network

from wharf.failpoint import failpoint
from wharf.linux.nftables import Chain, ChainType, Family, Hook, Nft, Set, Table, expression, objects, ruleset
from wharf.linux.nftables.expression import AddressType, CtState, Verdict
from wharf.linux.nftables.nft import following
from wharf.linux.nftables.objects import (
    PRIORITY_DSTNAT,
    PRIORITY_FILTER,
    PRIORITY_RAW,
    PRIORITY_SRCNAT,
    KeyType,
)
from wharf.linux.nftables.ruleset import Ruleset
from wharf.network.errors import NetworkTrouble
from wharf.network.firewall import BridgeRules, PortRule

_LOOPBACK = IPv4Network("127.0.0.0/8")
_WORDS = {6: "tcp", 17: "udp", 132: "sctp"}
_ATTEMPTS = 16
"""How often others may be faster than we before that is an error."""
_ANSWERS = CtState.ESTABLISHED | CtState.RELATED


class NftablesFirewall:
    """The table of one engine."""

    name = "nftables"

    def __init__(self, instance: str, *, leads_others: bool = True) -> None:
        """With `leads_others` false only the host's own packets are led to published ports."""
        self._leads_others = leads_others
        self._table = Table(Family.INET, instance)
        self._forward = Chain(self._table, "forward", ChainType.FILTER, Hook.FORWARD, PRIORITY_FILTER)
        self._postrouting = Chain(
            self._table, "postrouting", ChainType.NAT, Hook.POSTROUTING, PRIORITY_SRCNAT
        )
        self._early = Chain(self._table, "early", ChainType.FILTER, Hook.PREROUTING, PRIORITY_RAW)
        self._prerouting = Chain(self._table, "prerouting", ChainType.NAT, Hook.PREROUTING, PRIORITY_DSTNAT)
        self._output = Chain(self._table, "output", ChainType.NAT, Hook.OUTPUT, PRIORITY_DSTNAT)
        self._into = Set(self._table, "into", KeyType.IFNAME, expression.IFNAMSIZ, verdicts=True)
        self._ports = Set(self._table, "ports", KeyType.PORT, 8, verdicts=True)
        self._own_ports = Set(self._table, "own-ports", KeyType.PORT, 8, verdicts=True)
        self._admitted = {
            4: Set(self._table, "admitted4", KeyType.IPV4_PORT, 12),
            6: Set(self._table, "admitted6", KeyType.IPV6_PORT, 24),
        }
        self._made: Ruleset = ruleset.EMPTY
        self._generation: int | None = None
        """The generation of the kernel's rules that `_made` is a part of."""

    def replace(self, bridges: Sequence[BridgeRules]) -> None:
        """Make rules for exactly these bridges, in one step; raises NetworkTrouble and changes nothing."""
        wanted = self._ruleset(bridges)
        try:
            with Nft.open() as nft:
                failpoint("network.firewall.commit")
                self._bring(nft, wanted)
                failpoint("network.firewall.committed")
        except OSError as error:
            raise NetworkTrouble("cannot set up the firewall", error) from error

    def remove(self) -> None:
        """Remove the table; nothing happens when there is none."""
        try:
            with Nft.open() as nft:
                nft.commit([objects.add_table(self._table), objects.delete_table(self._table)])
        except OSError as error:
            raise NetworkTrouble("cannot remove the firewall's rules", error) from error

    def _bring(self, nft: Nft, wanted: Ruleset) -> None:
        """Change what differs; all is made anew when anybody may have touched it.

        The kernel counts everybody's transactions, and refuses one that was made for an older count.
        """
        for _ in range(_ATTEMPTS):
            generation = nft.generation()
            if generation == self._generation:
                changes = ruleset.difference(self._made, wanted)
            else:
                changes = ruleset.remake(self._table, wanted)
            if not changes:
                return
            try:
                nft.commit(changes, generation=generation)
            except OSError as error:
                if error.errno != errno.ERESTART:
                    raise
                continue
            self._made, self._generation = wanted, following(generation)
            return
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    def _ruleset(self, bridges: Sequence[BridgeRules]) -> Ruleset:
        chains: dict[Chain, list[bytes]] = {self._forward: [], self._postrouting: []}
        into: dict[bytes, str] = {}
        sets: dict[Set, dict[bytes, str]] = {self._into: into}
        published = [bridge for bridge in bridges if bridge.ports]
        if published:
            self._lead(published, chains, sets)
        for bridge in bridges:
            chain = Chain(self._table, f"into-{bridge.bridge}")
            chains[chain] = self._into_bridge(bridge)
            into[expression.name_key(bridge.bridge)] = chain.name
            chains[self._forward] += _out_of(bridge)
            chains[self._postrouting] += _leaving(bridge)
        by_link = expression.meta(expression.MetaKey.OIFNAME) + expression.verdict_map(self._into.name)
        chains[self._forward].append(by_link)
        for bridge in published:
            chains[self._postrouting] += _returning(bridge)
        return Ruleset(chains, sets)

    def _lead(
        self,
        bridges: Sequence[BridgeRules],
        chains: dict[Chain, list[bytes]],
        sets: dict[Set, dict[bytes, str]],
    ) -> None:
        """Add what leads ports of the host to containers: a chain for each, found by a map."""
        ports, own_ports = sets.setdefault(self._ports, {}), sets.setdefault(self._own_ports, {})
        to_host = expression.destination_type(AddressType.LOCAL) + expression.port_of_host()
        everybodys = to_host + expression.verdict_map(self._ports.name)
        chains[self._early] = [_not_to_loopback(bridge) for bridge in bridges]
        if self._leads_others:
            chains[self._prerouting] = [everybodys]
        chains[self._output] = [to_host + expression.verdict_map(self._own_ports.name), everybodys]
        for port in (port for bridge in bridges for port in bridge.ports):
            # Before routing, a neighbour's packet may name 127.0.0.1, too: what is there is for the host.
            prefix, jumps = ("own-", own_ports) if port.host_ip.is_loopback else ("", ports)
            chain = Chain(self._table, f"{prefix}{_WORDS[port.protocol]}-{port.host_port}")
            jumps[expression.port_key(port.protocol, port.host_port)] = chain.name
            chains.setdefault(chain, []).append(_led(port))
            admitted = sets.setdefault(self._admitted[port.container_ip.version], {})
            admitted[_admitted(port)] = ""

    def _into_bridge(self, bridge: BridgeRules) -> list[bytes]:
        """Return the rules for packets about to be forwarded into a bridge."""
        among_themselves = Verdict.ACCEPT if bridge.between_containers else Verdict.DROP
        own = expression.in_interface(bridge.bridge) + expression.verdict(among_themselves)
        answers = expression.ct_state(_ANSWERS) + expression.verdict(Verdict.ACCEPT)
        rest = expression.counter() + expression.verdict(Verdict.DROP)
        if bridge.internal:
            return [own, rest]
        led = [
            self._admit(version) for version in sorted({port.container_ip.version for port in bridge.ports})
        ]
        unprotected = [
            expression.ip_version(version) + expression.verdict(Verdict.ACCEPT)
            for version in sorted(bridge.open_versions)
        ]
        return [answers, *led, own, *unprotected, rest]

    def _admit(self, version: int) -> bytes:
        """Return the rule that lets packets of published ports in: only those that were led there."""
        return (
            expression.ct_status(expression.IPS_DST_NAT)
            + expression.ip_version(version)
            + expression.address_and_port(version)
            + expression.lookup(self._admitted[version].name)
            + expression.verdict(Verdict.ACCEPT)
        )


@lru_cache(maxsize=4096)
def _led(port: PortRule) -> bytes:
    """Return the rule that leads a port of the host, which was matched, to its container."""
    to = expression.ip_version(port.host_ip.version)
    if not port.host_ip.is_unspecified:
        to += expression.destination(ip_network(port.host_ip))
    # The kernel wants to see the protocol matched by the rule that changes the port.
    return to + expression.transport(port.protocol) + expression.dnat(port.container_ip, port.container_port)


@lru_cache(maxsize=4096)
def _admitted(port: PortRule) -> bytes:
    return expression.address_and_port_key(port.container_ip, port.protocol, port.container_port)


def _not_to_loopback(bridge: BridgeRules) -> bytes:
    """Return the rule that keeps a bridge's containers from the host's loopback."""
    loopback = expression.ip_version(4) + expression.destination(_LOOPBACK)
    return expression.in_interface(bridge.bridge) + loopback + expression.verdict(Verdict.DROP)


def _returning(bridge: BridgeRules) -> list[bytes]:
    """Return the rules for who comes to a published port from the bridge itself, or from the host's loopback.

    They get the bridge's own address, or the answer would go past us, or nowhere.
    """
    out = expression.out_interface(bridge.bridge)
    led = expression.ct_status(expression.IPS_DST_NAT)
    return [out + _from(subnet) + led + expression.masquerade() for subnet in (*bridge.subnets, _LOOPBACK)]


def _out_of(bridge: BridgeRules) -> list[bytes]:
    """Return the rules for packets that containers send elsewhere: those of an internal network end here."""
    if not bridge.internal:
        return []
    elsewhere = expression.in_interface(bridge.bridge) + expression.out_interface(bridge.bridge, equal=False)
    return [elsewhere + expression.counter() + expression.verdict(Verdict.DROP)]


def _leaving(bridge: BridgeRules) -> list[bytes]:
    """Return the rules that give leaving connections the host's address."""
    if not bridge.masquerade:
        return []
    return [_from(subnet) + _not_to(bridge) + expression.masquerade() for subnet in bridge.subnets]


def _from(subnet: IPv4Network | IPv6Network) -> bytes:
    return expression.ip_version(subnet.version) + expression.source(subnet)


def _not_to(bridge: BridgeRules) -> bytes:
    return expression.out_interface(bridge.bridge, equal=False)
