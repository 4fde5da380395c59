"""The packet filter as one nf_tables table of ours, spoken to directly.

What the rules mean is what the reference's iptables rules mean: connections from a bridge's containers to
elsewhere are let through and get the host's address; into a bridge come only answers, and packets of the
bridge's own containers. All of it lies in one table of family inet, named after the engine's instance, and
is replaced as a whole in one transaction: no packet meets half of it, and nobody else's rule is touched.

What a table cannot do: a packet must be accepted by the base chains of all tables at a hook. Where another
program's FORWARD policy is DROP (iptables), our `accept` does not bring a packet past it.
"""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

from wharf.failpoint import failpoint
from wharf.linux.netlink.message import Message
from wharf.linux.nftables import Chain, ChainType, Family, Hook, Nft, Set, Table, expression, objects
from wharf.linux.nftables.expression import AddressType, CtState, Verdict
from wharf.linux.nftables.objects import (
    PRIORITY_DSTNAT,
    PRIORITY_FILTER,
    PRIORITY_RAW,
    PRIORITY_SRCNAT,
    KeyType,
)
from wharf.network.errors import NetworkTrouble
from wharf.network.firewall import BridgeRules, PortRule

_LOOPBACK = IPv4Network("127.0.0.0/8")
_ANSWERS = CtState.ESTABLISHED | CtState.RELATED


class NftablesFirewall:
    """The table of one engine."""

    name = "nftables"

    def __init__(self, instance: str) -> None:
        self._table = Table(Family.INET, instance)
        self._forward = Chain(self._table, "forward", ChainType.FILTER, Hook.FORWARD, PRIORITY_FILTER)
        self._postrouting = Chain(
            self._table, "postrouting", ChainType.NAT, Hook.POSTROUTING, PRIORITY_SRCNAT
        )
        self._early = Chain(self._table, "early", ChainType.FILTER, Hook.PREROUTING, PRIORITY_RAW)
        self._prerouting = Chain(self._table, "prerouting", ChainType.NAT, Hook.PREROUTING, PRIORITY_DSTNAT)
        self._output = Chain(self._table, "output", ChainType.NAT, Hook.OUTPUT, PRIORITY_DSTNAT)
        self._ports = Chain(self._table, "ports")
        self._into = Set(self._table, "into", KeyType.IFNAME, expression.IFNAMSIZ, verdicts=True)

    def replace(self, bridges: Sequence[BridgeRules]) -> None:
        """Make rules for exactly these bridges, in one step; raises NetworkTrouble and changes nothing."""
        try:
            with Nft.open() as nft:
                failpoint("network.firewall.commit")
                nft.commit([*self._emptied(), *self._ruleset(bridges)])
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

    def _emptied(self) -> list[Message]:
        """Make the table if it is missing, so that it can be deleted, and make it anew."""
        add = objects.add_table(self._table)
        return [add, objects.delete_table(self._table), add]

    def _ruleset(self, bridges: Sequence[BridgeRules]) -> list[Message]:
        messages = [objects.add_chain(self._forward), objects.add_chain(self._postrouting)]
        messages.append(objects.add_set(self._into))
        chains = {bridge: Chain(self._table, f"into-{bridge.bridge}") for bridge in bridges}
        for bridge, chain in chains.items():
            messages.append(objects.add_chain(chain))
            messages += [objects.add_rule(chain, *rule) for rule in _into(bridge)]
        if chains:
            jumps = {expression.name_key(bridge.bridge): chain.name for bridge, chain in chains.items()}
            messages.append(objects.add_jumps(self._into, jumps))
        for bridge in bridges:
            messages += [objects.add_rule(self._forward, *rule) for rule in _out_of(bridge)]
            messages += [objects.add_rule(self._postrouting, *rule) for rule in _leaving(bridge)]
        by_link = (expression.meta(expression.MetaKey.OIFNAME), expression.verdict_map(self._into.name))
        messages.append(objects.add_rule(self._forward, *by_link))
        return messages + self._port_rules([bridge for bridge in bridges if bridge.ports])

    def _port_rules(self, bridges: Sequence[BridgeRules]) -> list[Message]:
        """Return what leads ports of the host to containers; no such chain is there where nobody asks."""
        if not bridges:
            return []
        chains = (self._early, self._prerouting, self._output, self._ports)
        messages = [objects.add_chain(chain) for chain in chains]
        to_host = expression.destination_type(AddressType.LOCAL)
        led = expression.verdict(Verdict.JUMP, self._ports.name)
        messages += [objects.add_rule(chain, to_host, led) for chain in (self._prerouting, self._output)]
        for bridge in bridges:
            from_bridge = expression.in_interface(bridge.bridge)
            loopback = expression.ip_version(4) + expression.destination(_LOOPBACK)
            drop = expression.verdict(Verdict.DROP)
            messages.append(objects.add_rule(self._early, from_bridge, loopback, drop))
            # Before routing, a neighbour's packet may name 127.0.0.1, too: what is there is for the host.
            messages += [
                objects.add_rule(self._output if port.host_ip.is_loopback else self._ports, *_led(port))
                for port in bridge.ports
            ]
            messages += [objects.add_rule(self._postrouting, *rule) for rule in _returning(bridge)]
        return messages


def _led(port: PortRule) -> tuple[bytes, ...]:
    """Return the rule that leads a port of the host to its container."""
    to: tuple[bytes, ...] = (expression.ip_version(port.host_ip.version),)
    if not port.host_ip.is_unspecified:
        to = (*to, expression.destination(ip_network(port.host_ip)))
    here = (expression.transport(port.protocol), expression.destination_port(port.host_port))
    return (*to, *here, expression.dnat(port.container_ip, port.container_port))


def _returning(bridge: BridgeRules) -> list[tuple[bytes, ...]]:
    """Return the rules for who comes to a published port from the bridge itself, or from the host's loopback.

    They get the bridge's own address, or the answer would go past us, or nowhere.
    """
    out = expression.out_interface(bridge.bridge)
    led = expression.ct_status(expression.IPS_DST_NAT)
    rules = [(out, _from(subnet), led, expression.masquerade()) for subnet in bridge.subnets]
    return [*rules, (out, _from(_LOOPBACK), led, expression.masquerade())]


def _admitted(port: PortRule) -> tuple[bytes, ...]:
    """Return the rule that lets packets of a published port in: only those that were led there."""
    return (
        expression.ct_status(expression.IPS_DST_NAT),
        expression.ip_version(port.container_ip.version),
        expression.destination(ip_network(port.container_ip)),
        expression.transport(port.protocol),
        expression.destination_port(port.container_port),
        expression.verdict(Verdict.ACCEPT),
    )


def _into(bridge: BridgeRules) -> list[tuple[bytes, ...]]:
    """Return the rules for packets about to be forwarded into a bridge."""
    among_themselves = Verdict.ACCEPT if bridge.between_containers else Verdict.DROP
    own = (expression.in_interface(bridge.bridge), expression.verdict(among_themselves))
    answers = (expression.ct_state(_ANSWERS), expression.verdict(Verdict.ACCEPT))
    rest = (expression.counter(), expression.verdict(Verdict.DROP))
    if bridge.internal:
        return [own, rest]
    ports = list(dict.fromkeys(_admitted(port) for port in bridge.ports))
    unprotected = [
        (expression.ip_version(version), expression.verdict(Verdict.ACCEPT))
        for version in sorted(bridge.open_versions)
    ]
    return [answers, *ports, own, *unprotected, rest]


def _out_of(bridge: BridgeRules) -> list[tuple[bytes, ...]]:
    """Return the rules for packets that containers send elsewhere: those of an internal network end here."""
    if not bridge.internal:
        return []
    elsewhere = expression.in_interface(bridge.bridge) + expression.out_interface(bridge.bridge, equal=False)
    return [(elsewhere, expression.counter(), expression.verdict(Verdict.DROP))]


def _leaving(bridge: BridgeRules) -> list[tuple[bytes, ...]]:
    """Return the rules that give leaving connections the host's address."""
    if not bridge.masquerade:
        return []
    return [(_from(subnet), _not_to(bridge), expression.masquerade()) for subnet in bridge.subnets]


def _from(subnet: IPv4Network | IPv6Network) -> bytes:
    return expression.ip_version(subnet.version) + expression.source(subnet)


def _not_to(bridge: BridgeRules) -> bytes:
    return expression.out_interface(bridge.bridge, equal=False)
