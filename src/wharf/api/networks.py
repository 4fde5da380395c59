"""The router of networks: what there is. Making and changing them is not done by this engine yet."""

from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_network
from typing import Final, Protocol

from aiohttp import web

from wharf.api import answers
from wharf.api.call import Call
from wharf.api.routes import Routes
from wharf.errors import InvalidParameter, NotFound
from wharf.network.endpoint import Endpoint
from wharf.network.network import PREDEFINED, Network
from wharf.schema.filters import Filters
from wharf.schema.network import IPAM, IPAMConfig, NetworkContainer, NetworkInspect
from wharf.schema.timestamp import rfc3339

FILTERS: Final = frozenset({"dangling", "driver", "id", "label", "name", "scope", "type"})


class NetworksBackend(Protocol):
    """What this router needs of the networks' room."""

    def list(self) -> Sequence[Network]:
        """Return all networks."""

    def find(self, name: str) -> Network:
        """Return a network by id, name or part of an id."""

    def endpoints_on(self, network_id: str) -> Sequence[Endpoint]:
        """Return who is on a network."""


NameOf = Callable[[str], Awaitable[str]]
"""The id of a container to its name."""


class _Networks:
    def __init__(self, backend: NetworksBackend, name_of: NameOf) -> None:
        self._backend = backend
        self._name_of = name_of

    async def list(self, call: Call) -> web.StreamResponse:
        filters = call.filters().check(FILTERS)
        return answers.json(
            [_shown(each, {}) for each in self._backend.list() if self._passes(each, filters)]
        )

    async def inspect(self, call: Call) -> web.StreamResponse:
        network = self._backend.find(call.name)
        scope = call.text("scope")
        if scope and scope != network.scope:
            raise NotFound(f"network {call.name} not found")
        containers = {
            endpoint.container_id: NetworkContainer(
                name=await self._name_of(endpoint.container_id),
                endpoint_id=endpoint.id,
                mac_address=endpoint.mac,
                ipv4_address=f"{endpoint.ip}/{endpoint.prefix_len}" if endpoint.ip else "",
            )
            for endpoint in self._backend.endpoints_on(network.id)
        }
        return answers.json(_shown(network, containers))

    def _passes(self, network: Network, filters: Filters) -> bool:
        for kind in filters.get("type"):
            if kind not in {"builtin", "custom"}:
                raise InvalidParameter(f"invalid filter: 'type'='{kind}'")
        if "dangling" in filters:
            is_used = network.name in PREDEFINED or bool(self._backend.endpoints_on(network.id))
            if filters.boolean("dangling", default=False) is is_used:
                return False
        return (
            filters.exact("driver", network.driver)
            and filters.exact("scope", network.scope)
            and filters.exact("type", "builtin" if network.name in PREDEFINED else "custom")
            and filters.matches("id", network.id)
            and filters.matches("name", network.name)
            and filters.labels("label", network.labels)
        )


def _shown(network: Network, containers: dict[str, NetworkContainer]) -> NetworkInspect:
    ranges = [
        IPAMConfig(
            subnet=str(ip_network(each.subnet)),
            ip_range=each.ip_range,
            gateway=each.gateway,
            auxiliary_addresses=dict(each.aux_addresses),
        )
        for each in network.ipam
    ]
    return NetworkInspect(
        name=network.name,
        id=network.id,
        created=rfc3339(network.created_ns),
        scope=network.scope,
        driver=network.driver,
        enable_ipv4=network.enable_ipv4,
        enable_ipv6=network.enable_ipv6,
        ipam=IPAM(driver=network.ipam_driver, config=ranges or None),
        internal=network.internal,
        attachable=network.attachable,
        ingress=network.ingress,
        containers=containers,
        options=dict(network.options),
        labels=dict(network.labels),
    )


def routes(backend: NetworksBackend, name_of: NameOf) -> Routes:
    """Return the operations this router implements with `backend`."""
    networks = _Networks(backend, name_of)
    return {
        ("GET", "/networks"): networks.list,
        ("GET", "/networks/"): networks.list,
        ("GET", "/networks/{id}"): networks.inspect,
    }
