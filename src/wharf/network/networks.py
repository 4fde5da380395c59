"""Networks: the room's front door. Finds networks, leases addresses, plugs containers in.

An endpoint's life: `lease` (durable: address, MAC, names), `plug` (kernel), `unplug` (kernel, may be late),
`release` (durable: the address is free). All kernel work goes through one lane, whole operations at a time,
over one netlink socket in the network namespace that the engine runs in.
"""

import asyncio
import logging
import socket
import sqlite3
import time
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import suppress

import msgspec

from wharf.aio.lane import Lane
from wharf.errors import Conflict, EngineError, Forbidden, InvalidParameter
from wharf.failpoint import failpoint
from wharf.linux.netlink import Rtnl
from wharf.network import creation, demands, flows, gateway, store, sysctl
from wharf.network.driver import Driver
from wharf.network.drivers.bridge import BridgeDriver
from wharf.network.drivers.host import HostDriver
from wharf.network.drivers.null import NullDriver
from wharf.network.endpoint import Endpoint, EndpointRequest
from wharf.network.errors import (
    AmbiguousNetwork,
    ConfigurationInUse,
    NetworkExists,
    NetworkInUse,
    NetworkTrouble,
    NoSuchNetwork,
)
from wharf.network.firewall import Firewall, choose_firewall, rules_of
from wharf.network.leases import Leases
from wharf.network.making import Maker
from wharf.network.names import Names
from wharf.network.network import Network
from wharf.network.predefined import Predefined
from wharf.network.published import PublishedPort
from wharf.network.publishing import Publishing
from wharf.network.settings import NetworkSettings
from wharf.schema.filters import Filters
from wharf.schema.moment import moment
from wharf.schema.network import NetworkCreateRequest
from wharf.state.database import Database

_log = logging.getLogger(__name__)

Emit = Callable[[str, str, str, Mapping[str, str]], None]
"""Takes an event: type, action, id of the actor, attributes."""

_FORWARDING = ("net/ipv4/ip_forward",)
_FORWARDING_IPV6 = ("net/ipv6/conf/default/forwarding", "net/ipv6/conf/all/forwarding")
_PRUNE_FILTERS = frozenset({"label", "label!", "until"})
_DEFAULT = "default"
"""What a container's network mode calls the default bridge."""


class Networks:
    """All networks of one engine; made by `open`, ended by `close`. What is in the kernel outlives it."""

    def __init__(
        self,
        db: Database,
        settings: NetworkSettings,
        rtnl: Rtnl,
        emit: Emit | None,
        names: Names | None = None,
    ) -> None:
        self.settings = settings
        self.names = names
        self.firewall: Firewall = choose_firewall(settings)
        self._db = db
        self._rtnl = rtnl
        self._emit = emit
        self._lane = Lane("network", 1)
        self._bridge = BridgeDriver(rtnl)
        self._drivers: dict[str, Driver] = {
            "bridge": self._bridge,
            "host": HostDriver(),
            "null": NullDriver(),
        }
        self._networks: dict[str, Network] = {}
        self._leases = Leases({})
        self._links: dict[str, str] = {}
        self._gone: set[str] = set()
        self._leaving: dict[str, list[Endpoint]] = {}
        self.ports = Publishing(db, names, self._ways_out, self._lead, settings)
        self._changing = asyncio.Lock()
        self._maker = Maker(db, self._lane, rtnl, self._bridge, settings)

    @classmethod
    async def open(
        cls,
        db: Database,
        settings: NetworkSettings,
        *,
        emit: Emit | None = None,
        names: Names | None = None,
    ) -> "Networks":
        """Read what is stored and bring the predefined networks, forwarding and the firewall up.

        Raises InvalidParameter for settings that make no sense, NetworkTrouble when the kernel refuses.
        """
        await db.migrate("network", store.STATEMENTS)
        rtnl = Rtnl.open()
        try:
            networks = cls(db, settings, rtnl, emit, names)
            await networks._start()
        except BaseException:
            rtnl.close()
            raise
        return networks

    async def close(self) -> None:
        """End the lane and the socket; bridges, endpoints and rules stay for the containers."""
        if self.names is not None:
            await self.names.close()
        await self._lane.close()
        self._rtnl.close()

    async def retire(self) -> None:
        """Remove what is ours from the host, when no container uses it; the next start makes it anew."""
        if not any(self._leases.all()):
            await self._lane.run(self._take_down)

    def _take_down(self) -> None:
        self.firewall.remove()
        for network in self._networks.values():
            if network.link is not None:
                self._bridge.remove(network.link)

    def list(self) -> Sequence[Network]:
        """Return all networks, in order of their creation."""
        return sorted(self._networks.values(), key=lambda network: network.created_ns)

    def find(self, name: str) -> Network:
        """Return the network with this id, name, or beginning of an id.

        Raises NoSuchNetwork, AmbiguousNetwork.
        """
        if (network := self._networks.get(name)) is not None:
            return network
        for network in self._networks.values():
            if network.name == name:
                return network
        matches = [network for network in self._networks.values() if name and network.id.startswith(name)]
        if len(matches) > 1:
            raise AmbiguousNetwork(name, len(matches))
        if not matches:
            raise NoSuchNetwork(name)
        return matches[0]

    def knows(self, name: str) -> bool:
        """Whether there is a network of this very name."""
        return any(network.name == name for network in self._networks.values())

    def endpoints(self, container_id: str) -> Sequence[Endpoint]:
        """Return the endpoints of a container."""
        return self._leases.of(container_id)

    def endpoints_on(self, network_id: str) -> Sequence[Endpoint]:
        """Return the endpoints on a network."""
        return self._leases.on(network_id)

    @property
    def host_gateway(self) -> str:
        """The host as containers reach it, for `--add-host name:host-gateway`; may be empty."""
        for network in self._networks.values():
            if network.name == "bridge":
                return network.ipv4.gateway
        return ""

    async def create(self, request: NetworkCreateRequest) -> Network:
        """Make a network; it is durable, and its bridge is up, when this returns.

        Raises what is wrong with the request, NetworkExists, NoFreeSubnet, NetworkTrouble.
        """
        async with self._changing:
            asked = creation.admit(request, self._named)
            if self.knows(asked.name):
                raise NetworkExists(asked.name)
            network = await self._maker.make(asked, self._networks.values())
            self._networks[network.id] = network
            try:
                await self._lane.run(self._open_ways)
            except BaseException:
                del self._networks[network.id]
                await self._maker.unmake(network, ())
                raise
            if self._drivers[network.driver].gives_addresses:
                self._leases.add_pool(network, None)
            self._event("create", network)
            return network

    async def remove(self, name: str) -> Network:
        """Remove a network that nobody uses; raises NoSuchNetwork, Forbidden, NetworkInUse."""
        async with self._changing:
            network = self.find(name)
            if network.is_predefined:
                raise Forbidden(f"{network.name} is a pre-defined network and cannot be removed")
            if any(one.config_from == network.name for one in self._networks.values()):
                raise ConfigurationInUse(network.name)
            if endpoints := self._leases.on(network.id):
                words = ", ".join(f'name:"{one.container_name}" id:"{one.id[:12]}"' for one in endpoints)
                raise NetworkInUse(network.name, words)
            links = [name for name, owner in self._links.items() if owner == network.id]
            del self._networks[network.id]  # nobody may come meanwhile
            try:
                await self._maker.unmake(network, links)
            except BaseException:
                self._networks[network.id] = network
                raise
            self._leases.drop_pool(network.id)
            for link in links:
                self._links.pop(link, None)
            await self._lane.run(self._filter)
            self._event("destroy", network)
            return network

    async def prune(self, filters: Filters) -> Sequence[str]:
        """Remove the users' networks that no running container uses; return their names."""
        filters.check(_PRUNE_FILTERS)
        until = [moment(text) for text in filters.get("until")]
        if len(until) > 1:
            raise InvalidParameter("more than one until filter specified")
        removed = []
        for network in self.list():
            if network.is_predefined or network.config_only or self._leases.on(network.id):
                continue
            if until and network.created_ns > until[0]:
                continue
            unwanted = [
                name for name in filters.get("label!") if Filters({"l": [name]}).labels("l", network.labels)
            ]
            if unwanted or not filters.labels("label", network.labels):
                continue
            try:
                await self.remove(network.id)
            except EngineError as error:
                _log.warning("network %s is not pruned: %s", network.name, error)
                continue
            removed.append(network.name)
        if self._emit is not None:
            self._emit("network", "prune", "", {"reclaimed": "0"})
        return removed

    def check(self, network_name: str, request: EndpointRequest, *, is_new: bool = True) -> None:
        """Refuse what a request may not ask of an endpoint, in Docker's words.

        `is_new` says that a container is being created, and not connected. A network that does not exist is
        no fault yet: that is found at start.
        """
        name = "bridge" if network_name == _DEFAULT else network_name
        found = self._named(name)
        demands.check(found, name if found is None else found.name, request, is_new=is_new)

    def begin_lease(
        self, container_id: str, network_name: str, request: EndpointRequest | None = None
    ) -> "tuple[Endpoint, Coroutine[None, None, None]]":
        """Give `container_id` an endpoint on a network, and what is to be awaited before it is plugged.

        Awaiting puts the lease on record; where that fails, there is none. What needs no record to be
        prepared need not wait for it. Raises NoSuchNetwork, EndpointExists, NoFreeAddress, AddressInUse,
        AddressOutOfRange.
        """
        network = self.find("bridge" if network_name == _DEFAULT else network_name)
        endpoint = self._leases.make(network, container_id, request or EndpointRequest())
        return endpoint, self._record(network, endpoint)

    async def lease(
        self, container_id: str, network_name: str, request: EndpointRequest | None = None
    ) -> Endpoint:
        """Give `container_id` an endpoint as `begin_lease` does; it is durable when this returns."""
        endpoint, recording = self.begin_lease(container_id, network_name, request)
        await recording
        return endpoint

    async def _record(self, network: Network, endpoint: Endpoint) -> None:
        last, gone = self._leases.last(network.id), self._take_gone()
        try:
            failpoint("network.lease")
            await self._db.write(lambda db: _record(db, endpoint, last, gone))
        except BaseException:
            # A cancelled caller does not stop the write; this one is queued behind it.
            with suppress(EngineError):
                await self._db.write(lambda db: _strike_off(db, endpoint.id, [endpoint.host_link]))
            self._leases.forget(endpoint)
            raise
        if endpoint.host_link:
            self._links[endpoint.host_link] = network.id
        self._event("connect", network, endpoint)

    async def plug(self, endpoint: Endpoint, netlink_fd: int) -> None:
        """Connect a new namespace; the NETLINK_ROUTE socket `netlink_fd`, borrowed, was made in it.

        Raises NetworkTrouble; what was begun is undone.
        """
        ways_out = gateway.ways_out(endpoint, gateway.choose(self._leases.of(endpoint.container_id)))
        await self._plug(endpoint, netlink_fd, ways_out)

    async def plug_live(self, endpoint: Endpoint, netlink_fd: int) -> None:
        """Connect a namespace that has been in use; its ways out are chosen anew."""
        await self._plug(endpoint, netlink_fd, frozenset())
        await self.reroute(endpoint.container_id, netlink_fd)

    async def _plug(self, endpoint: Endpoint, netlink_fd: int, ways_out: frozenset[int]) -> None:
        if endpoint.host_link:
            network, driver = self._driver_of(endpoint)
            await self._lane.run(driver.plug, network, endpoint, netlink_fd, ways_out)

    async def plug_all(self, endpoints: Sequence[Endpoint], netlink_fd: int) -> None:
        """Connect a new namespace to all of its networks."""
        for endpoint in endpoints:
            await self.plug(endpoint, netlink_fd)
            if endpoint.driver == "bridge" and self.ports.of(endpoint.container_id):
                await self._lane.run(self._bridge.let_back, endpoint)

    async def reroute(self, container_id: str, netlink_fd: int) -> None:
        """Set the default routes of a running container anew: its networks have changed."""
        chosen = gateway.choose(self._leases.of(container_id))

        def work() -> None:
            try:
                with Rtnl.from_fd(netlink_fd) as inside:
                    gateway.reroute(inside, chosen)
            except OSError as error:
                raise NetworkTrouble("cannot set the default route", error) from error

        await self._lane.run(work)
        if ports := self.ports.of(container_id):
            await self._lead(ports)

    async def unplug(self, endpoint: Endpoint, *, patience_s: float = 2.0) -> None:
        """Remove the endpoint's link from the host, or see that the container's end has taken it along.

        A namespace that has ended takes its links with it, more cheaply than anybody else can delete them, so
        that is waited for; `patience_s=0` is for a namespace that lives on. Either way it takes its time: do
        not wait for it where a user waits. It may come before or after `release`, and more than once.
        """
        if not endpoint.host_link:
            return
        if not await _gone(endpoint.host_link, patience_s):
            network, driver = self._driver_of(endpoint)
            # A new list each time: the lane may have taken the old one in this moment.
            self._leaving[network.id] = [*self._leaving.get(network.id, ()), endpoint]
            await self._lane.run(self._unplug_all, network, driver)
            if not await _gone(endpoint.host_link, 0):
                raise Conflict(f'link "{endpoint.host_link}" is not a port of network {network.name}')
        self._links.pop(endpoint.host_link, None)
        self._gone.add(endpoint.host_link)

    async def release(self, endpoint: Endpoint) -> None:
        """Free the endpoint's address; nothing happens if that was done before."""
        if endpoint not in self._leases:
            return
        failpoint("network.release")
        if len(self._leases.of(endpoint.container_id)) == 1:
            await self.ports.take_back(endpoint.container_id)
        gone = self._take_gone()
        try:
            await self._db.write(lambda db: _strike_off(db, endpoint.id, gone))
        except asyncio.CancelledError:
            self._leases.forget(endpoint)  # the write goes on, and before any other's
            raise
        self._leases.forget(endpoint)
        if self.names is not None:
            await self.names.remove(endpoint, is_last=not self._leases.of(endpoint.container_id))
        if (network := self._networks.get(endpoint.network_id)) is not None:
            self._event("disconnect", network, endpoint)

    async def rename(self, endpoint: Endpoint, container_name: str, names: tuple[str, ...]) -> Endpoint:
        """Return the endpoint, whose container has got another name, durably changed."""
        changed = msgspec.structs.replace(endpoint, container_name=container_name, names=names)
        await self._db.write(lambda db: store.save_endpoint(db, changed))
        self._leases.replace(changed)
        if self.names is not None and names:
            await self.names.put(changed)
        return changed

    async def sweep(self, live_container_ids: Collection[str]) -> Sequence[str]:
        """Remove endpoints and links of no live container; return the names of the links removed.

        For the start, before requests are served.
        """
        live = frozenset(live_container_ids)
        dead = [one for one in self._leases.all() if one.container_id not in live]
        owned = {one.host_link for one in self._leases.all() if one.container_id in live}
        removed = await self._lane.run(self._remove_links, owned)
        stale = [name for name in self._links if name not in owned]

        def work(db: sqlite3.Connection) -> None:
            store.remove_endpoints(db, [endpoint.id for endpoint in dead])
            store.remove_links(db, stale)

        await self._db.write(work)
        await self.ports.sweep(live)
        for endpoint in dead:
            self._leases.forget(endpoint)
        for name in stale:
            self._links.pop(name, None)
        return removed

    async def _start(self) -> None:
        stored = await self._db.read(store.load)
        predefined = Predefined(self._db, self._lane, self._rtnl, self.settings)
        self._networks = await predefined.bring_up(stored)
        self._leases = Leases(stored.endpoints)
        self.ports.restore(stored.ports)
        self._links = dict(stored.links)
        for network in self._networks.values():
            if self._drivers[network.driver].gives_addresses:
                self._leases.add_pool(network, stored.last_ipv4.get(network.id))
        await self._lane.run(self._prepare_host)

    def _prepare_host(self) -> None:
        """Bring the bridges up, and the ways between them; runs on the lane."""
        for network in self._networks.values():
            if network.link is not None and not network.is_predefined:
                self._bring_up(network)
        self._open_ways()

    def _open_ways(self) -> None:
        """Switch forwarding on and make the firewall's rules; runs on the lane."""
        has_ipv6 = any(network.enable_ipv6 and network.link for network in self._networks.values())
        wanted = _FORWARDING + (_FORWARDING_IPV6 if has_ipv6 else ())
        try:
            for name in wanted if self.settings.ip_forward else ():
                if sysctl.read(name) == "0":
                    failpoint("network.forward")
                    sysctl.write(name, "1")
        except OSError as error:
            raise NetworkTrouble("cannot set up forwarding", error) from error
        failpoint("network.firewall")
        self._filter()

    def _bring_up(self, network: Network) -> None:
        """Make a user's bridge anew where it is gone; a network that cannot be is no reason not to start."""
        try:
            self._bridge.ensure(network)
        except (EngineError, OSError) as error:
            _log.error("cannot bring up network %s: %s", network.name, error)

    async def _lead(self, ports: Sequence[PublishedPort]) -> None:
        """Have the firewall say what is published; `ports` lead elsewhere now."""

        def work() -> None:
            self._filter()
            failpoint("network.firewall.flows")
            flows.forget(self._rtnl, ports)

        await self._lane.run(work)

    def _filter(self) -> None:
        """Make the firewall's rules say what the networks and their ports are; runs on the lane."""
        ports = self.ports.rules()
        bridges = [(network, network.link) for network in self._networks.values() if network.link is not None]
        for network, link in bridges:
            if ports.get(network.id):
                # The host's own 127.0.0.1 reaches containers; the filter sees that they do not reach it.
                sysctl.write(f"net/ipv4/conf/{link.name}/route_localnet", "1")
        self.firewall.replace([rules_of(network, ports.get(network.id, ())) for network, _ in bridges])

    def _ways_out(self, container_id: str) -> Mapping[int, tuple[Network, Endpoint]]:
        """Return a container's ways out over bridges, by IP version."""
        chosen = gateway.choose(self._leases.of(container_id))
        return {
            version: (self._networks[endpoint.network_id], endpoint)
            for version, endpoint in chosen.items()
            if endpoint.driver == "bridge"
        }

    def _named(self, name: str) -> Network | None:
        try:
            return self.find(name)
        except (NoSuchNetwork, AmbiguousNetwork):
            return None

    def _driver_of(self, endpoint: Endpoint) -> tuple[Network, Driver]:
        if (network := self._networks.get(endpoint.network_id)) is None:
            raise NoSuchNetwork(endpoint.network_name)
        return network, self._drivers[network.driver]

    def _remove_links(self, owned: Collection[str]) -> Sequence[str]:
        """Delete veth pairs without an owner; runs on the lane.

        On a bridge that we made, whatever is named like ours; on another's, only what is on record.
        """
        removed: list[str] = []
        for network in self._networks.values():
            if network.link is None:
                continue
            names = {name for name, owner in self._links.items() if owner == network.id}
            if network.link.is_ours:
                names.update(self._bridge.ports(network))
            removed += self._bridge.unplug_links(network, names.difference(owned))
        return removed

    def _unplug_all(self, network: Network, driver: Driver) -> None:
        """Unplug all that wait for it on this network; runs on the lane."""
        if endpoints := self._leaving.pop(network.id, []):
            driver.unplug(network, endpoints)

    def _take_gone(self) -> Collection[str]:
        """Return the links to strike off the record; that costs no transaction of its own.

        Should it be forgotten, the next sweep finds that they are gone.
        """
        gone, self._gone = self._gone, set()
        return gone

    def _event(self, action: str, network: Network, endpoint: Endpoint | None = None) -> None:
        if self._emit is not None:
            attributes = {"name": network.name, "type": network.driver}
            if endpoint is not None:
                attributes["container"] = endpoint.container_id
            self._emit("network", action, network.id, attributes)


async def _gone(link: str, patience_s: float) -> bool:
    """Return whether the host has no link of this name, or loses it within `patience_s` seconds.

    The look-up takes no lock and a few microseconds (ioctl SIOCGIFINDEX).
    """
    pause_s = 0.03
    deadline = time.monotonic() + patience_s
    while True:
        try:
            socket.if_nametoindex(link)
        except OSError:
            return True
        if time.monotonic() >= deadline:
            return False
        await asyncio.sleep(pause_s)
        pause_s *= 2


def _record(db: sqlite3.Connection, endpoint: Endpoint, last: str | None, gone: Collection[str]) -> None:
    """Write an endpoint; strike off links that are gone on the way."""
    store.add_endpoint(db, endpoint, last)
    store.remove_links(db, gone)


def _strike_off(db: sqlite3.Connection, endpoint_id: str, gone: Collection[str]) -> None:
    """Remove an endpoint, and links that are gone."""
    store.remove_endpoints(db, [endpoint_id])
    store.remove_links(db, gone)
