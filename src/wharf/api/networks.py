"""The router of networks: what there is, making and removing them, and who is connected."""

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
from wharf.schema.network import (
    IPAM,
    ConfigReference,
    EndpointSettings,
    IPAMConfig,
    NetworkConnectRequest,
    NetworkContainer,
    NetworkCreateRequest,
    NetworkCreateResponse,
    NetworkDisconnectRequest,
    NetworkInspect,
    NetworksPruneReport,
)
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

    async def create(self, request: NetworkCreateRequest) -> Network:
        """Make a network."""

    async def remove(self, name: str) -> Network:
        """Remove a network that nobody uses."""

    async def prune(self, filters: Filters) -> Sequence[str]:
        """Remove the networks that nobody uses; return their names."""


class ConnectionsBackend(Protocol):
    """What this router needs of the containers' room. `ref` is an id, a part of one, or a name."""

    async def connect(self, ref: str, network: str, settings: EndpointSettings) -> None:
        """Connect a container to a network."""

    async def disconnect(self, ref: str, network: str, *, force: bool) -> None:
        """Take a container off a network; by force also one that is no more."""


NameOf = Callable[[str], Awaitable[str]]
"""The id of a container to its name."""


class _Networks:
    def __init__(self, backend: NetworksBackend, connections: ConnectionsBackend, name_of: NameOf) -> None:
        self._backend = backend
        self._connections = connections
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
                ipv6_address=f"{endpoint.ip6}/{endpoint.prefix_len6}" if endpoint.ip6 else "",
            )
            for endpoint in self._backend.endpoints_on(network.id)
        }
        return answers.json(_shown(network, containers))

    async def create(self, call: Call) -> web.StreamResponse:
        request = await call.json(NetworkCreateRequest, go_type="network.CreateRequest", needed=True)
        network = await self._backend.create(request)
        return answers.json(NetworkCreateResponse(id=network.id), status=201)

    async def remove(self, call: Call) -> web.StreamResponse:
        await self._backend.remove(call.name)
        return answers.empty()

    async def connect(self, call: Call) -> web.StreamResponse:
        request = await call.json(NetworkConnectRequest, go_type="network.ConnectOptions", needed=True)
        _check_name(request.container)
        settings = request.endpoint_config or EndpointSettings()
        await self._connections.connect(request.container, call.name, settings)
        return answers.empty(200)

    async def disconnect(self, call: Call) -> web.StreamResponse:
        request = await call.json(NetworkDisconnectRequest, go_type="network.DisconnectOptions", needed=True)
        _check_name(request.container)
        await self._connections.disconnect(request.container, call.name, force=request.force)
        return answers.empty(200)

    async def prune(self, call: Call) -> web.StreamResponse:
        removed = await self._backend.prune(call.filters())
        return answers.json(NetworksPruneReport(networks_deleted=list(removed) or None))

    def _passes(self, network: Network, filters: Filters) -> bool:
        for kind in filters.get("type"):
            if kind not in {"builtin", "custom"}:
                raise InvalidParameter(f"invalid filter: 'type'='{kind}'")
        if "dangling" in filters:
            is_used = network.name in PREDEFINED or bool(self._backend.endpoints_on(network.id))
            if _dangling(filters) is is_used:
                return False
        return (
            filters.exact("driver", network.driver)
            and filters.exact("scope", network.scope)
            and filters.exact("type", "builtin" if network.name in PREDEFINED else "custom")
            and filters.matches("id", network.id)
            and filters.matches("name", network.name)
            and filters.labels("label", network.labels)
        )


def _dangling(filters: Filters) -> bool:
    values = set(filters.get("dangling"))
    if len(values) != 1 or not values <= {"true", "1", "false", "0"}:
        raise InvalidParameter(
            'invalid value for filter \'dangling\', must be "true" (or "1"), or "false" (or "0")'
        )
    return values <= {"true", "1"}


def _check_name(container: str) -> None:
    if not container:
        raise InvalidParameter('invalid name or ID supplied: ""')


def _shown(network: Network, containers: dict[str, NetworkContainer]) -> NetworkInspect:
    ranges = [
        IPAMConfig(
            subnet=str(ip_network(each.subnet)),
            ip_range=each.ip_range,
            gateway=each.gateway if each.is_gateway_shown else "",
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
        ipam=IPAM(
            driver=network.ipam_driver,
            options=None if network.is_predefined else dict(network.ipam_options),
            config=ranges or None,
        ),
        internal=network.internal,
        attachable=network.attachable,
        ingress=network.ingress,
        config_from=ConfigReference(network=network.config_from),
        config_only=network.config_only,
        containers=containers,
        options=dict(network.options),
        labels=dict(network.labels),
    )


def routes(backend: NetworksBackend, connections: ConnectionsBackend, name_of: NameOf) -> Routes:
    """Return the operations this router implements with `backend` and `connections`."""
    networks = _Networks(backend, connections, name_of)
    return {
        ("GET", "/networks"): networks.list,
        ("GET", "/networks/"): networks.list,
        ("GET", "/networks/{id}"): networks.inspect,
        ("POST", "/networks/create"): networks.create,
        ("DELETE", "/networks/{id}"): networks.remove,
        ("POST", "/networks/{id}/connect"): networks.connect,
        ("POST", "/networks/{id}/disconnect"): networks.disconnect,
        ("POST", "/networks/prune"): networks.prune,
    }
