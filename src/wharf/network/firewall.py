"""What the networks ask of the host's packet filter, and which backend answers.

Blocking; called on the network lane. A backend makes rules for the networks it is told of and touches
nothing that is not its own.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import NamedTuple, Protocol

from wharf.errors import InvalidParameter
from wharf.network.network import OPTION_ICC, OPTION_MASQUERADE, Network
from wharf.network.settings import NetworkSettings


class PortRule(NamedTuple):
    """A port of the host that leads to a container."""

    protocol: int
    """Its number: 6 TCP, 17 UDP, 132 SCTP."""
    host_ip: IPv4Address | IPv6Address
    host_port: int
    container_ip: IPv4Address | IPv6Address
    container_port: int


class BridgeRules(NamedTuple):
    """What one bridge network means to a packet filter."""

    bridge: str
    subnets: tuple[IPv4Network | IPv6Network, ...]
    masquerade: bool
    """Whether packets that leave for elsewhere get the host's address."""
    between_containers: bool
    """Whether the bridge's containers may talk to each other."""
    internal: bool
    """Whether nothing may come in from elsewhere, nor go out."""
    ports: tuple[PortRule, ...] = ()
    """What is led into the bridge."""
    open_versions: frozenset[int] = frozenset()
    """IP versions for which everybody may come in (gateway mode nat-unprotected)."""


class Firewall(Protocol):
    """A backend of the packet filter."""

    name: str

    def replace(self, bridges: Sequence[BridgeRules]) -> None:
        """Make rules for exactly these bridges, in one step; raises NetworkTrouble and changes nothing."""

    def remove(self) -> None:
        """Remove all rules of this engine."""


class NoFirewall:
    """`--iptables=false`: the administrator's own rules are enough."""

    name = "none"

    def replace(self, bridges: Sequence[BridgeRules]) -> None:
        """Make no rule."""

    def remove(self) -> None:
        """There is nothing to remove."""


def choose_firewall(settings: NetworkSettings) -> Firewall:
    """Return the backend that the settings name; raises InvalidParameter."""
    if not settings.iptables:
        return NoFirewall()
    match settings.firewall_backend:
        case "" | "auto" | "nftables":
            from wharf.network.firewall_nftables import NftablesFirewall  # noqa: PLC0415  # only where it is used

            leads_others = settings.publish_policy != "host-firewall"
            return NftablesFirewall(settings.instance, leads_others=leads_others)
        case "iptables":
            raise InvalidParameter('firewall-backend "iptables" is not available, use "nftables"')
        case other:
            raise InvalidParameter(f"invalid firewall-backend {other!r}")


def rules_of(network: Network, ports: Sequence[PortRule] = ()) -> BridgeRules:
    """Return what `network`, a bridge network, asks for."""
    assert network.link is not None, "a bridge network has a bridge"
    return BridgeRules(
        bridge=network.link.name,
        subnets=tuple(ip_network(config.subnet) for config in network.subnets),
        masquerade=network.claims(OPTION_MASQUERADE)
        and not network.internal
        and network.gateway_mode(4) != "routed",
        between_containers=network.claims(OPTION_ICC),
        internal=network.internal,
        ports=tuple(ports),
        open_versions=frozenset(
            version for version in (4, 6) if network.gateway_mode(version) == "nat-unprotected"
        ),
    )
