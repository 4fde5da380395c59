"""The packet filter as one nf_tables table of ours, spoken to directly.

What the rules mean is what the reference's iptables rules mean: connections from a bridge's containers to
elsewhere are let through and get the host's address; into a bridge come only answers, and packets of the
bridge's own containers. All of it lies in one table of family inet, named after the engine's instance, and
is replaced as a whole in one transaction: no packet meets half of it, and nobody else's rule is touched.

What a table cannot do: a packet must be accepted by the base chains of all tables at a hook. Where another
program's FORWARD policy is DROP (iptables), our `accept` does not bring a packet past it.
"""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network

from wharf.failpoint import failpoint
from wharf.linux.netlink.message import Message
from wharf.linux.nftables import Chain, ChainType, Family, Hook, Nft, Set, Table, expression, objects
from wharf.linux.nftables.expression import CtState, Verdict
from wharf.linux.nftables.objects import PRIORITY_FILTER, PRIORITY_SRCNAT, KeyType
from wharf.network.errors import NetworkTrouble
from wharf.network.firewall import BridgeRules

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
        return messages


def _into(bridge: BridgeRules) -> list[tuple[bytes, ...]]:
    """Return the rules for packets about to be forwarded into a bridge."""
    among_themselves = Verdict.ACCEPT if bridge.between_containers else Verdict.DROP
    own = (expression.in_interface(bridge.bridge), expression.verdict(among_themselves))
    answers = (expression.ct_state(_ANSWERS), expression.verdict(Verdict.ACCEPT))
    rest = (expression.counter(), expression.verdict(Verdict.DROP))
    return [own, rest] if bridge.internal else [answers, own, rest]


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
