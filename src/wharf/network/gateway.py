"""Which of a container's networks is its way out, and the default routes that say so."""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address, ip_network

from wharf.linux.netlink import Rtnl, route
from wharf.linux.netlink.message import Message
from wharf.linux.netlink.route import RT_TABLE_MAIN
from wharf.network.endpoint import Endpoint

DEFAULT_ROUTES = {4: ip_network("0.0.0.0/0"), 6: ip_network("::/0")}


def choose(endpoints: Sequence[Endpoint]) -> Mapping[int, Endpoint]:
    """Return the endpoint that is the way out, by IP version; a version without one is missing.

    As the reference chooses (28.5.2): a network of both versions first, then the highest `gw-priority`, then
    the name that comes first.
    """

    def rank(endpoint: Endpoint) -> tuple[bool, int, str]:
        is_single = not (endpoint.gateway and endpoint.gateway6)
        return is_single, -endpoint.gw_priority, endpoint.network_name

    chosen: dict[int, Endpoint] = {}
    for version in DEFAULT_ROUTES:
        ranked = sorted((one for one in endpoints if one.gateway_of(version)), key=rank)
        if ranked:
            chosen[version] = ranked[0]
    return chosen


def ways_out(endpoint: Endpoint, chosen: Mapping[int, Endpoint]) -> frozenset[int]:
    """Return the IP versions for which `endpoint` is the way out."""
    return frozenset(version for version, one in chosen.items() if one.id == endpoint.id)


def add_route(endpoint: Endpoint, version: int, link: int) -> Message:
    """Return the message that makes `endpoint`, whose link has index `link`, the way out."""
    return route.add(DEFAULT_ROUTES[version], gateway=ip_address(endpoint.gateway_of(version)), link=link)


def reroute(inside: Rtnl, chosen: Mapping[int, Endpoint]) -> None:
    """Set the default routes of a running container; `inside` is a socket of its namespace."""
    for version, destination in DEFAULT_ROUTES.items():
        endpoint = chosen.get(version)
        found = None if endpoint is None else inside.link(endpoint.interface_name)
        wanted = None if endpoint is None or found is None else (endpoint.gateway_of(version), found.ifindex)
        for old in inside.routes(version=version):
            if old.destination != destination or old.table != RT_TABLE_MAIN or old.gateway is None:
                continue
            if wanted == (str(old.gateway), old.link):
                wanted = None
            else:
                inside.run(route.remove(destination, gateway=old.gateway, link=old.link))
        if wanted is not None and endpoint is not None:
            inside.run(add_route(endpoint, version, wanted[1]))
