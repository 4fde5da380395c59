"""From a request to create a network to its record: what it may ask, and what is decided for it.

Pure; everything is refused in Docker's words. `complete` needs to know which subnets are in use.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import NamedTuple

import msgspec

from wharf.errors import Forbidden, InvalidParameter, NotImplementedByEngine, Unavailable
from wharf.network import options
from wharf.network.endpoint import random_id, random_mac
from wharf.network.errors import (
    AddressInUse,
    InvalidNetwork,
    NoSuchPlugin,
    PoolOverlaps,
    PredefinedNetwork,
)
from wharf.network.leases import pool_of
from wharf.network.network import OPTION_BRIDGE, PREDEFINED, BridgeLink, IpamConfig, Network
from wharf.network.pools import free_subnet
from wharf.network.settings import AddressPool
from wharf.schema.network import IPAM, NetworkCreateRequest
from wharf.schema.network import IPAMConfig as AskedRange

Subnet = IPv4Network | IPv6Network

_NOT_DONE = frozenset({"macvlan", "ipvlan"})
_BUILT_IN_ONCE = frozenset({"host", "null"})


class Surroundings(NamedTuple):
    """What a new network must not collide with."""

    networks: Collection[Network]
    used_on_host: Collection[Subnet]
    pools: Sequence[AddressPool]


def admit(request: NetworkCreateRequest, find: Callable[[str], Network | None]) -> Network:
    """Return the record that a request asks for, its addresses not decided yet; `find` looks a network up."""
    name = request.name.strip()
    if not name:
        raise InvalidParameter("invalid name: name is empty")
    if name in PREDEFINED | {"default"}:
        raise PredefinedNetwork(name)
    ipam = request.ipam or IPAM()
    ranges = [_range(one) for one in ipam.config or ()]
    enable_ipv4 = request.enable_ipv4 is not False
    enable_ipv6 = bool(request.enable_ipv6)
    check_ranges(ranges)
    network = Network(
        id=random_id(),
        name=name,
        driver="null" if request.config_only else request.driver or "bridge",
        created_ns=time.time_ns(),
        scope=request.scope or "local",
        enable_ipv4=enable_ipv4,
        enable_ipv6=enable_ipv6,
        internal=request.internal,
        attachable=request.attachable,
        ingress=request.ingress,
        config_only=request.config_only,
        ipam_driver=ipam.driver or "default",
        ipam_options=ipam.options or {},
        ipam=tuple(ranges),
        options=request.options or {},
        labels=request.labels or {},
    )
    if request.config_from is not None and request.config_from.network:
        network = _with_config(network, request.config_from.network, find)
    _check(network)
    return network


def complete(network: Network, around: Surroundings) -> Network:
    """Return the record with its subnets, gateways and link decided."""
    if network.config_only or network.driver != "bridge":
        return network
    wanted = [version for version, on in ((4, network.enable_ipv4), (6, network.enable_ipv6)) if on]
    if not wanted:
        raise InvalidParameter("IPv4 or IPv6 must be enabled")
    taken: list[Subnet] = [ip_network(config.subnet) for one in around.networks for config in one.subnets]
    ranges: list[IpamConfig] = []
    for config in network.ipam:
        if config.version not in wanted:
            ranges.append(config)
            continue
        subnet = ip_network(config.subnet)
        if any(subnet.version == other.version and subnet.overlaps(other) for other in taken):
            raise PoolOverlaps
        if any(other.version == config.version for other in ranges):
            raise Forbidden("bridge driver doesn't support multiple subnets")
        ranges.append(_with_gateway(network, config))
    missing = [version for version in wanted if not any(config.version == version for config in ranges)]
    for version in missing:
        free = free_subnet(around.pools, [*taken, *around.used_on_host], version=version)
        ranges.append(_with_gateway(network, IpamConfig(subnet=str(free), is_chosen=True)))
    name = network.options.get(OPTION_BRIDGE) or f"br-{network.id[:12]}"
    for other in around.networks:
        if other.link is not None and other.link.name == name:
            raise Forbidden(
                f"cannot create network {network.id} ({name}): conflicts with network {other.id} ({name}): "
                "networks have same bridge name"
            )
    link = BridgeLink(name, random_mac(), is_ours=True)
    return msgspec.structs.replace(network, ipam=tuple(ranges), link=link)


def check_ranges(ranges: Sequence[IpamConfig]) -> None:
    """Refuse ranges that make no sense, all faults at once; raises InvalidNetwork."""
    faults: list[str] = []
    for config in ranges:
        faults += _faults(config)
    if faults:
        raise InvalidNetwork(*faults)


def _faults(config: IpamConfig) -> list[str]:
    subnet = _network(config.subnet)
    if subnet is None:
        return [f"invalid subnet {config.subnet}: invalid CIDR block notation"]
    if str(subnet) != _canonical(config.subnet):
        return [f"invalid subnet {config.subnet}: it should be {subnet}"]
    faults: list[str] = []
    if config.ip_range:
        faults += _range_faults(config.ip_range, subnet)
    named = {f"gateway {config.gateway}": config.gateway} if config.gateway else {}
    named |= {f"auxiliary address {name}": address for name, address in config.aux_addresses.items()}
    for what, text in named.items():
        try:
            address = ip_address(text)
        except ValueError:
            faults.append(f"invalid {what}: invalid address")
            continue
        if address.version != subnet.version or address not in subnet:
            faults.append(f"invalid {what}: parent subnet {subnet} doesn't contain this address")
    return faults


def _range_faults(text: str, subnet: Subnet) -> list[str]:
    found = _network(text)
    if found is None:
        return [f"invalid ip-range {text}: invalid CIDR block notation"]
    faults: list[str] = []
    if found.prefixlen < subnet.prefixlen:
        faults.append(f"invalid ip-range {text}: CIDR block is bigger than its parent subnet {subnet}")
    elif str(found) != _canonical(text):
        faults.append(f"invalid ip-range {text}: it should be {found}")
    if found.version != subnet.version or found.network_address not in subnet:
        faults.append(f"invalid ip-range {text}: parent subnet {subnet} doesn't contain ip-range")
    return faults


def _network(text: str) -> Subnet | None:
    if "/" not in text:
        return None
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _canonical(text: str) -> str:
    """Return a subnet with its own address spelled as usual, its host bits kept."""
    address, _, bits = text.partition("/")
    return f"{ip_address(address)}/{bits}"


def _range(asked: AskedRange) -> IpamConfig:
    return IpamConfig(
        subnet=asked.subnet,
        gateway=asked.gateway,
        ip_range=asked.ip_range,
        aux_addresses=dict(asked.auxiliary_addresses),
        is_gateway_shown=bool(asked.gateway),
    )


def _with_config(network: Network, name: str, find: Callable[[str], Network | None]) -> Network:
    """Return `network` with what the configuration network `name` says."""
    if network.config_only:
        raise Forbidden("a configuration network cannot depend on another configuration network")
    if network.ipam or network.options or network.labels or network.enable_ipv6 or network.ipam_options:
        raise Forbidden(
            "user specified configurations are not supported if the network depends on a configuration "
            "network"
        )
    found = find(name)
    if found is None or not found.config_only:
        raise Forbidden(f'configuration network "{name}" does not exist')
    return msgspec.structs.replace(
        network,
        config_from=found.name,
        enable_ipv4=found.enable_ipv4,
        enable_ipv6=found.enable_ipv6,
        ipam=found.ipam,
        ipam_driver=found.ipam_driver,
        ipam_options=found.ipam_options,
        options=found.options,
        labels=found.labels,
    )


def _check(network: Network) -> None:
    if network.ingress:
        raise Forbidden("Ingress network can only be global scope network")
    if network.scope == "swarm":
        raise Forbidden("cannot create a swarm scoped network when swarm is not active")
    if network.config_only:
        return
    driver = network.driver
    if driver in _BUILT_IN_ONCE:
        raise Forbidden(f'only one instance of "{driver}" network is allowed')
    if driver == "overlay":
        raise Unavailable(
            'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect '
            "this node to swarm and try again."
        )
    if driver in _NOT_DONE:
        raise NotImplementedByEngine(f"the network driver {driver} is not supported by this engine yet")
    if driver != "bridge":
        raise NoSuchPlugin(driver)
    if network.ipam_driver != "default":
        raise NoSuchPlugin(network.ipam_driver)
    options.check(network)


def _with_gateway(network: Network, config: IpamConfig) -> IpamConfig:
    """Return the range with a gateway, its auxiliary addresses checked against it."""
    pool = pool_of(msgspec.structs.replace(config, gateway="", aux_addresses={}))
    gateway = config.gateway
    if network.gateway_mode(config.version) != "isolated":
        gateway = str(pool.take(ip_address(gateway) if gateway else None))
    _take_auxiliary(config.aux_addresses, pool.take)
    return msgspec.structs.replace(config, gateway=gateway)


def _take_auxiliary(addresses: Mapping[str, str], take: Callable[..., object]) -> None:
    for name, text in addresses.items():
        try:
            take(ip_address(text))
        except AddressInUse as error:
            raise Forbidden(f"failed to allocate secondary ip address ({name}:{text}): {error}") from error
