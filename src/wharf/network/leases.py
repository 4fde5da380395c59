"""Who has which address: the endpoints of all networks, in memory as in the database.

Only `Networks` writes both; what is asked here needs no database.
"""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address, ip_network

import msgspec

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
from wharf.network.network import Network

_INTERFACE_NAME = "eth0"


class Leases:
    """Endpoints by id, and an address pool for each network that gives addresses."""

    def __init__(self, endpoints: Mapping[str, Endpoint]) -> None:
        self._endpoints = dict(endpoints)
        self._pools: dict[str, AddressPool] = {}

    def add_pool(self, network: Network, last: str | None) -> None:
        """Begin to give addresses of `network`, behind `last`; those of known endpoints are taken."""
        config = network.ipv4
        subnet = config.interface.network
        ip_range = ip_network(config.ip_range) if config.ip_range else None
        known = None if last is None or ip_address(last) not in subnet else ip_address(last)
        pool = AddressPool(subnet, ip_range=ip_range, last=known)
        pool.restore([config.interface.ip])
        pool.restore(ip_address(endpoint.ip) for endpoint in self.on(network.id) if endpoint.ip)
        self._pools[network.id] = pool

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
        pool = self._pools.get(network_id)
        return None if pool is None else str(pool.last)

    def make(self, network: Network, container_id: str, request: EndpointRequest) -> Endpoint:
        """Make an endpoint, with an address where the network gives addresses.

        Raises EndpointExists, NoFreeAddress, AddressInUse, AddressOutOfRange, InvalidParameter (MAC).
        """
        if any(endpoint.network_id == network.id for endpoint in self.of(container_id)):
            raise EndpointExists(container_id[:12], network.name)
        endpoint = Endpoint(random_id(), network.id, network.name, network.driver, container_id)
        if (pool := self._pools.get(network.id)) is not None:
            mac = parse_mac(request.mac) if request.mac else random_mac()
            endpoint = msgspec.structs.replace(
                endpoint,
                mac=mac,
                ip=_take(pool, network, request.ip),
                prefix_len=pool.subnet.prefixlen,
                gateway=network.ipv4.gateway,
                mtu=network.mtu,
                interface_name=_INTERFACE_NAME,
                host_link=random_host_link(),
            )
        self._endpoints[endpoint.id] = endpoint
        return endpoint

    def forget(self, endpoint: Endpoint) -> None:
        """Drop an endpoint, its address with it."""
        self._endpoints.pop(endpoint.id, None)
        if endpoint.ip and (pool := self._pools.get(endpoint.network_id)) is not None:
            pool.give_back(ip_address(endpoint.ip))


def _take(pool: AddressPool, network: Network, wanted: str | None) -> str:
    try:
        address = ip_address(wanted) if wanted else None
    except ValueError as error:
        raise AddressOutOfRange from error
    try:
        return str(pool.take(address))
    except PoolExhausted:
        raise NoFreeAddress(pool.subnet.version, network.name, network.id) from None
