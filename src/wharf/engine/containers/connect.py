"""`network connect` and `network disconnect`: the networks of a container that exists change."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

import msgspec

from wharf.engine.containers import files, naming, places
from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.engine.containers.record import Record
from wharf.engine.errors import RemovalInProgress
from wharf.errors import Conflict, Internal, InvalidParameter, NotFound
from wharf.failpoint import failpoint
from wharf.network.endpoint import Endpoint
from wharf.network.errors import EndpointExists, NoSuchNetwork
from wharf.network.inside import open_netlink
from wharf.network.network import Network
from wharf.schema.network import Endpoints, EndpointSettings

_SHARED = (
    "container sharing network namespace with another container or host cannot be connected to any other "
    "network"
)
_NONE = "container cannot be connected to multiple networks with one of the networks in private (none) mode"
_TO_HOST = "cannot connect container to host network - container must be created in host network mode"
_FROM_HOST = "cannot disconnect container from host network - container was created in host network mode"


async def connect(context: Context, container: Container, network: str, settings: EndpointSettings) -> None:
    """Connect a container to one more network, now if it runs, else from its next start on."""
    async with container.lock:
        if container.is_being_removed:
            raise RemovalInProgress(container.id)
        found = context.networks.find(network)
        record = container.record
        request = places.request(record, found.name, settings, has_names=found.has_names)
        context.networks.check(found.name, request, is_new=False)
        _check_mode(context, record, found)
        endpoints = {**record.endpoints, found.name: settings}
        if not container.is_alive:
            await context.index.change(container, msgspec.structs.replace(record, endpoints=endpoints))
            return
        if found.name in record.endpoints:
            raise EndpointExists(record.name, found.name)
        endpoint = await context.networks.lease(record.id, found.name, request)
        try:
            failpoint("connect.leased")
            async with _inside(container) as netlink:
                await context.networks.plug_live(endpoint, netlink)
                assert container.run is not None
                everywhere = [*container.run.endpoints, endpoint]
                await naming.add(context, container, everywhere, endpoint, netlink)
                failpoint("connect.plugged")
                await context.index.change(container, msgspec.structs.replace(record, endpoints=endpoints))
        except BaseException:
            await _take_back(context, endpoint)
            raise
        files.add_resolver(context, container, container.run.endpoints, everywhere)
        container.run.endpoints.append(endpoint)
        files.add_addresses(context, container, endpoint)


async def disconnect(context: Context, container: Container, network: str) -> None:
    """Take a container off a network."""
    async with container.lock:
        record = container.record
        found = _known(context, network)
        name = network if found is None else found.name
        if found is not None and found.driver == "host" and record.host_config.network_mode == "host":
            raise InvalidParameter(_FROM_HOST)
        is_alive = container.is_alive
        if name not in record.endpoints:
            what = "network" if is_alive else "the network"
            raise Internal(f"container {record.id} is not connected to {what} {name}")
        endpoints = {key: settings for key, settings in record.endpoints.items() if key != name}
        await context.index.change(container, msgspec.structs.replace(record, endpoints=endpoints))
        failpoint("disconnect.recorded")
        run = container.run
        if not is_alive or run is None:
            return
        for endpoint in [one for one in run.endpoints if one.network_name == name]:
            run.endpoints.remove(endpoint)
            await _take_back(context, endpoint)
            files.remove_addresses(context, container, endpoint)
        await naming.changed(context, container, run.endpoints)
        async with _inside(container) as netlink:
            await context.networks.reroute(record.id, netlink)


async def force_away(context: Context, network: str, name: str) -> None:
    """Take whatever is left of a container that is no more off a network: `disconnect --force`."""
    found = context.networks.find(network)
    for endpoint in context.networks.endpoints_on(found.id):
        if name in {endpoint.container_name, endpoint.container_id} and (
            endpoint.container_id not in context.index
        ):
            await _take_back(context, endpoint)
            return
    raise NotFound(f"endpoint {name} not found")


def _known(context: Context, network: str) -> Network | None:
    try:
        return context.networks.find(network)
    except NoSuchNetwork:
        return None


def _check_mode(context: Context, record: Record, found: Network) -> None:
    mode = record.host_config.network_mode
    if mode.startswith("container:") or mode == "host":
        raise InvalidParameter(_SHARED)
    if found.driver == "host":
        raise InvalidParameter(_TO_HOST)
    others: Endpoints = {name: one for name, one in record.endpoints.items() if name != found.name}
    if others and (found.driver == "null" or any(_is_none(context, name) for name in others)):
        raise InvalidParameter(_NONE)


def _is_none(context: Context, name: str) -> bool:
    found = _known(context, name)
    return found is not None and found.driver == "null"


@contextlib.asynccontextmanager
async def _inside(container: Container) -> AsyncIterator[int]:
    """Give a netlink socket in a running container's network namespace."""
    pid, run = container.condition.pid, container.run
    if run is None or not pid:
        raise Conflict(f"container {container.id} is not running")
    try:
        netlink = await asyncio.to_thread(open_netlink, pid)
    except OSError as error:
        raise Conflict(f"container {container.id} is not running") from error
    try:
        # The shim has not reaped its init: the number was the container's when it was looked up.
        state, _ = await run.shim.call("state")
        if state.get("pid") != pid or state.get("status") == "stopped":
            raise Conflict(f"container {container.id} is not running")
        yield netlink
    finally:
        os.close(netlink)


async def _take_back(context: Context, endpoint: Endpoint) -> None:
    """Remove an endpoint whose namespace lives on."""
    with contextlib.suppress(NoSuchNetwork):
        await context.networks.unplug(endpoint, patience_s=0)
    failpoint("disconnect.unplugged")
    await context.networks.release(endpoint)
