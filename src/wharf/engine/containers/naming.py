"""The names of containers on their users' networks: told to the keeper, which answers for them.

A container on such a network has a resolver in its own namespace from before its first instruction on.
"""

import asyncio
import logging
import os
from collections.abc import Sequence

from wharf.engine.containers import places
from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.errors import EngineError
from wharf.network import resolv
from wharf.network.endpoint import Endpoint
from wharf.network.inside import open_netlink
from wharf.network.names import resolver_settings

_log = logging.getLogger(__name__)


def has_names(endpoints: Sequence[Endpoint]) -> bool:
    """Whether a container with these places can be found by name, and finds others."""
    return any(endpoint.names for endpoint in endpoints)


async def give(
    context: Context, container: Container, endpoints: Sequence[Endpoint], netlink_fd: int
) -> None:
    """Give a container a resolver, and the others its names, if it is on a network that has any."""
    names = context.networks.names
    if names is None or not has_names(endpoints):
        return
    await names.serve(container.id, netlink_fd, _settings(context, container, endpoints))
    for endpoint in endpoints:
        await names.put(endpoint)


async def add(
    context: Context, container: Container, endpoints: Sequence[Endpoint], new: Endpoint, netlink_fd: int
) -> None:
    """Tell of one more place of a running container; `endpoints` are all, `new` among them."""
    names = context.networks.names
    if names is None or not has_names(endpoints):
        return
    if not await names.is_served(container.id):
        await give(context, container, endpoints, netlink_fd)
        return
    await names.change(container.id, _settings(context, container, endpoints))
    await names.put(new)


async def changed(context: Context, container: Container, endpoints: Sequence[Endpoint]) -> None:
    """A running container has lost a place; whom its resolver may ask depends on the others."""
    if (names := context.networks.names) is not None and endpoints:
        await names.change(container.id, _settings(context, container, endpoints))


async def renamed(context: Context, container: Container) -> None:
    """A running container is called otherwise now."""
    record, run = container.record, container.run
    for place, endpoint in enumerate(run.endpoints if run else ()):
        names = places.dns_names(record, endpoint.aliases) if endpoint.names else ()
        assert run is not None
        run.endpoints[place] = await context.networks.rename(endpoint, record.name, names)


async def catch_up(context: Context) -> None:
    """Bring the keeper, one of an earlier life perhaps, in line with the containers that live."""
    names = context.networks.names
    if names is None:
        return
    await names.begin()
    for container in context.index:
        endpoints = container.run.endpoints if container.run else []
        if endpoints:
            try:
                await context.networks.ports.hold_again(container.id)
            except (EngineError, OSError) as error:
                _log.error("container %s does not hold its ports: %s", container.record.short_id, error)
        if not has_names(endpoints):
            continue
        try:
            if not await names.is_served(container.id) and container.condition.pid:
                netlink_fd = await asyncio.to_thread(open_netlink, container.condition.pid)
                try:
                    await give(context, container, endpoints, netlink_fd)
                finally:
                    os.close(netlink_fd)
                continue
            for endpoint in endpoints:
                await names.put(endpoint)
        except (EngineError, OSError) as error:
            _log.error("container %s has no resolver: %s", container.record.short_id, error)
    await names.settle()


def _settings(context: Context, container: Container, endpoints: Sequence[Endpoint]) -> dict[str, object]:
    host, settings = container.record.host_config, context.networks.settings
    servers = resolv.upstreams(resolv.host_text(), host.dns or settings.dns)
    ndots = resolv.sets_ndots(host.dns_options or settings.dns_opts)
    return resolver_settings(endpoints, servers, ndots=ndots)
