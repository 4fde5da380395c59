"""The predefined network `bridge`: which link and which subnet it has.

What was decided once stays, so that containers and their addresses outlive a restart, unless the settings
changed or somebody else has taken the link's name. Nothing is changed here; `BridgeDriver.ensure` does that.
"""

import itertools
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Network, ip_interface

from wharf.errors import InvalidParameter
from wharf.linux.netlink import Link, Rtnl
from wharf.network.endpoint import random_mac
from wharf.network.errors import BridgeTaken
from wharf.network.making import ipv6_pools, used_subnets
from wharf.network.network import (
    OPTION_BRIDGE,
    OPTION_DEFAULT_BRIDGE,
    OPTION_HOST_BINDING,
    OPTION_ICC,
    OPTION_MASQUERADE,
    OPTION_MTU,
    BridgeLink,
    IpamConfig,
    Network,
)
from wharf.network.pools import free_subnet
from wharf.network.settings import NetworkSettings

Subnet = IPv4Network | IPv6Network

USUAL_NAME = "docker0"


def choose_link(rtnl: Rtnl, settings: NetworkSettings, recorded: BridgeLink | None) -> BridgeLink:
    """Return the link to use: the one of the settings, the recorded one, or the first free name.

    A link is ours when there is none of its name yet, or when it has the address we once gave it.
    """
    if settings.bridge is not None:
        return _claim(rtnl.link(settings.bridge), settings.bridge, recorded)
    if recorded is not None and recorded.is_ours:
        claimed = _claim(rtnl.link(recorded.name), recorded.name, recorded)
        if claimed.is_ours:
            return claimed
    return next(BridgeLink(name, random_mac(), True) for name in _names() if rtnl.link(name) is None)


def choose_interface(
    rtnl: Rtnl,
    settings: NetworkSettings,
    link: BridgeLink,
    recorded: IpamConfig | None,
    others: Sequence[Subnet],
) -> IPv4Interface:
    """Return the bridge's address: `bip`, a foreign bridge's own, the recorded, or the first free one.

    `others` are the subnets of users' networks.
    """
    if settings.bip is not None:
        return _parse_bip(settings.bip)
    own = rtnl.link(link.name)
    index = 0 if own is None else own.ifindex
    addresses = rtnl.addresses()
    if not link.is_ours:
        for found in addresses:
            if found.link == index and isinstance(found.interface, IPv4Interface):
                return found.interface
    if recorded is not None:
        return IPv4Interface(str(recorded.interface))
    used = [*others, *used_subnets(rtnl, but_of=index)]
    subnet = free_subnet(settings.default_address_pools, used)
    first = IPv4Address(int(subnet.network_address) + 1)
    return IPv4Interface((first, subnet.prefixlen))


def choose_ipv6(
    rtnl: Rtnl,
    settings: NetworkSettings,
    link: BridgeLink,
    recorded: IpamConfig | None,
    others: Sequence[Subnet],
) -> IpamConfig | None:
    """Return the IPv6 subnet: that of the settings, the recorded, or the first free one; None for none."""
    if not settings.ipv6:
        return None
    if settings.fixed_cidr_v6 is not None:
        return _with_gateway(_parse_ipv6(settings.fixed_cidr_v6), is_chosen=False)
    if recorded is not None and recorded.is_chosen:
        return recorded
    own = rtnl.link(link.name)
    used = [*others, *used_subnets(rtnl, but_of=0 if own is None else own.ifindex)]
    pools = ipv6_pools(settings)
    return _with_gateway(free_subnet(pools, used, version=6), is_chosen=True)


def describe(
    network_id: str,
    created_ns: int,
    settings: NetworkSettings,
    link: BridgeLink,
    interface: IPv4Interface,
    *,
    ipv6: IpamConfig | None,
) -> Network:
    """Return the record of the network, with the options that the reference shows."""
    return Network(
        id=network_id,
        name="bridge",
        driver="bridge",
        created_ns=created_ns,
        enable_ipv6=ipv6 is not None,
        ipam=(
            IpamConfig(
                subnet=str(interface.network), gateway=str(interface.ip), is_chosen=settings.bip is None
            ),
            *(() if ipv6 is None else (ipv6,)),
        ),
        options={
            OPTION_DEFAULT_BRIDGE: "true",
            OPTION_ICC: _word(settings.icc),
            OPTION_MASQUERADE: _word(settings.ip_masq),
            OPTION_HOST_BINDING: settings.host_ip,
            OPTION_BRIDGE: link.name,
            OPTION_MTU: str(settings.mtu),
        },
        link=link,
    )


def _claim(found: Link | None, name: str, recorded: BridgeLink | None) -> BridgeLink:
    known = recorded if recorded is not None and recorded.is_ours and recorded.name == name else None
    if found is None:
        return known or BridgeLink(name, random_mac(), True)
    if found.kind != "bridge":
        raise BridgeTaken(name)
    return known if known is not None and known.mac == found.mac else BridgeLink(name, found.mac, False)


def _names() -> Iterator[str]:
    yield USUAL_NAME
    yield from (f"wharf{n}" for n in itertools.count())


def _parse_bip(text: str) -> IPv4Interface:
    try:
        interface = ip_interface(text)
    except ValueError as error:
        raise InvalidParameter(f"invalid CIDR address: {text}") from error
    if not isinstance(interface, IPv4Interface) or "/" not in text:
        raise InvalidParameter(f"invalid CIDR address: {text}")
    return interface


def _parse_ipv6(text: str) -> IPv6Network:
    try:
        return IPv6Network(text, strict=False)
    except ValueError as error:
        raise InvalidParameter(f"invalid CIDR address: {text}") from error


def _with_gateway(subnet: Subnet, *, is_chosen: bool) -> IpamConfig:
    return IpamConfig(subnet=str(subnet), gateway=str(subnet.network_address + 1), is_chosen=is_chosen)


def _word(value: bool) -> str:  # noqa: FBT001  # it has no other argument
    return "true" if value else "false"
