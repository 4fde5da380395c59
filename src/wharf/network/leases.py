"""Who has which address: the endpoints of all networks, in memory as in the database.

Only `Networks` writes both; what is asked here needs no database.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address, ip_network

import msgspec

from wharf.errors import EngineError, InvalidParameter
from wharf.network.endpoint import (
    Endpoint,
    EndpointRequest,
    parse_mac,
    random_host_link,
    random_id,
    random_mac,
)
from wharf.network.errors import AddressOutOfRange, EndpointExists, NoFreeAddress
from wharf.network.ipam import AddressPool, PoolExhausted
from wharf.network.network import OPTION_PREFIX, IpamConfig, Network

OPTION_IFNAME = "com.docker.network.endpoint.ifname"


class Leases:
    """Endpoints by id, and the address pools of each network that gives addresses: one a version."""

    def __init__(self, endpoints: Mapping[str, Endpoint]) -> None:
        self._endpoints = dict(endpoints)
        self._pools: dict[str, dict[int, AddressPool]] = {}

    def add_pool(self, network: Network, last: str | None) -> None:
        """Begin to give addresses of `network`, behind `last`; those of known endpoints are taken."""
        pools = self._pools[network.id] = {}
        for config in network.subnets:
            pools[config.version] = pool = pool_of(config, last)
            taken = (address for endpoint in self.on(network.id) for address in (endpoint.ip, endpoint.ip6))
            pool.restore(ip_address(one) for one in taken if one and ip_address(one) in pool.subnet)

    def drop_pool(self, network_id: str) -> None:
        """Give no more addresses of a network."""
        self._pools.pop(network_id, None)

    def of(self, container_id: str) -> Sequence[Endpoint]:
        """Return the endpoints of a container."""
        return [endpoint for endpoint in self._endpoints.values() if endpoint.container_id == container_id]

    def on(self, network_id: str) -> Sequence[Endpoint]:
        """Return the endpoints on a network."""
        return [endpoint for endpoint in self._endpoints.values() if endpoint.network_id == network_id]

    def all(self) -> Iterable[Endpoint]:
        """Return all endpoints."""
        return tuple(self._endpoints.values())

    def __contains__(self, endpoint: Endpoint) -> bool:
        return endpoint.id in self._endpoints

    def last(self, network_id: str) -> str | None:
        """Return the address behind which the network's next one is looked for."""
        pool = self._pools.get(network_id, {}).get(4)
        return None if pool is None else str(pool.last)

    def make(self, network: Network, container_id: str, request: EndpointRequest) -> Endpoint:
        """Make an endpoint, with an address where the network gives addresses.

        Raises EndpointExists, NoFreeAddress, AddressInUse, AddressOutOfRange, InvalidParameter (MAC).
        """
        others = self.of(container_id)
        if any(endpoint.network_id == network.id for endpoint in others):
            raise EndpointExists(request.container_name or container_id[:12], network.name)
        endpoint = Endpoint(
            random_id(),
            network.id,
            network.name,
            network.driver,
            container_id,
            gw_priority=request.gw_priority,
            container_name=request.container_name,
            aliases=request.aliases,
            names=request.names,
            links=request.links,
        )
        if (pools := self._pools.get(network.id)) is not None:
            endpoint = self._with_addresses(endpoint, network, pools, request)
            endpoint = msgspec.structs.replace(
                endpoint,
                mac=parse_mac(request.mac) if request.mac else random_mac(),
                link_local_ips=check_link_local(request.link_local_ips),
                driver_opts=request.driver_opts,
                mtu=network.mtu,
                interface_name=request.driver_opts.get(OPTION_IFNAME)
                or _free_name(network.options.get(OPTION_PREFIX) or "eth", others),
                host_link=random_host_link(),
            )
        self._endpoints[endpoint.id] = endpoint
        return endpoint

    def forget(self, endpoint: Endpoint) -> None:
        """Drop an endpoint, its addresses with it."""
        self._endpoints.pop(endpoint.id, None)
        for address in filter(None, (endpoint.ip, endpoint.ip6)):
            found = ip_address(address)
            if (pool := self._pools.get(endpoint.network_id, {}).get(found.version)) is not None:
                pool.give_back(found)

    def replace(self, endpoint: Endpoint) -> None:
        """Put a changed endpoint in the place of the one with its id."""
        self._endpoints[endpoint.id] = endpoint

    def _with_addresses(
        self, endpoint: Endpoint, network: Network, pools: Mapping[int, AddressPool], request: EndpointRequest
    ) -> Endpoint:
        """Take an address of each version; none is taken where one cannot be had."""
        gateways = {} if network.internal else {config.version: config.gateway for config in network.subnets}
        if (pool := pools.get(4)) is not None:
            endpoint = msgspec.structs.replace(
                endpoint,
                ip=_take(pool, network, request.ip),
                prefix_len=pool.subnet.prefixlen,
                gateway=gateways.get(4, ""),
            )
        if (pool := pools.get(6)) is not None:
            try:
                address = _take(pool, network, request.ip6)
            except EngineError:
                self.forget(endpoint)
                raise
            endpoint = msgspec.structs.replace(
                endpoint, ip6=address, prefix_len6=pool.subnet.prefixlen, gateway6=gateways.get(6, "")
            )
        return endpoint


def pool_of(config: IpamConfig, last: str | None = None) -> AddressPool:
    """Return the pool of a subnet, its gateway and auxiliary addresses taken."""
    subnet = ip_network(config.subnet)
    ip_range = ip_network(config.ip_range) if config.ip_range else None
    known = None if last is None or ip_address(last) not in subnet else ip_address(last)
    pool = AddressPool(subnet, ip_range=ip_range, last=known)
    pool.restore(map(ip_address, filter(None, (config.gateway, *config.aux_addresses.values()))))
    return pool


def check_link_local(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the addresses of `--link-local-ip`; raises InvalidParameter in Docker's words."""
    for text in texts:
        try:
            fits = ip_address(text).is_link_local
        except ValueError:
            fits = False
        if not fits:
            raise InvalidParameter(f"invalid link local IP address: {text}")
    return tuple(texts)


def _free_name(prefix: str, others: Sequence[Endpoint]) -> str:
    taken = {endpoint.interface_name for endpoint in others}
    return next(name for n in itertools.count() if (name := f"{prefix}{n}") not in taken)


def _take(pool: AddressPool, network: Network, wanted: str | None) -> str:
    try:
        address = ip_address(wanted) if wanted else None
    except ValueError as error:
        raise AddressOutOfRange from error
    try:
        return str(pool.take(address))
    except PoolExhausted:
        raise NoFreeAddress(pool.subnet.version, network.name, network.id) from None
