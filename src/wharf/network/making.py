"""Making and unmaking of users' networks: recorded before anything is made, struck off after it is gone."""

import sqlite3
from collections.abc import Collection, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

import msgspec

from wharf.aio.lane import Lane
from wharf.failpoint import failpoint
from wharf.linux.netlink import Rtnl
from wharf.network import creation, store
from wharf.network.drivers.bridge import BridgeDriver
from wharf.network.errors import BridgeTaken, NetworkTrouble
from wharf.network.network import BridgeLink, Network
from wharf.network.resolv import host_nameservers
from wharf.network.settings import AddressPool, NetworkSettings
from wharf.state.database import Database

Subnet = IPv4Network | IPv6Network


class Maker:
    """Brings networks into the database and the kernel, and takes them out again."""

    def __init__(
        self, db: Database, lane: Lane, rtnl: Rtnl, driver: BridgeDriver, settings: NetworkSettings
    ) -> None:
        self._db = db
        self._lane = lane
        self._rtnl = rtnl
        self._driver = driver
        self._settings = settings

    async def make(self, asked: Network, others: Collection[Network]) -> Network:
        """Return the network, made; raises what `creation.complete` does, NetworkTrouble, BridgeTaken."""
        network = await self._lane.run(self._decide, asked, others)
        await self._db.write(lambda db: store.save_network(db, network))
        failpoint("network.make.recorded")
        try:
            if network.link is not None:
                await self._lane.run(self._ensure, network)
        except BaseException:
            await self.unmake(network, ())
            raise
        return network

    async def unmake(self, network: Network, links: Collection[str]) -> None:
        """Remove a network without endpoints; `links` are those that may still be on its bridge."""
        if network.link is not None:
            await self._lane.run(self._take_down, network, links)
        failpoint("network.unmake.gone")
        await self._db.write(lambda db: _strike_off(db, network, links))

    def _ensure(self, network: Network) -> None:
        try:
            self._driver.ensure(network)
        except FileExistsError as error:
            raise NetworkTrouble("cannot set up the network's bridge", error) from error

    def _take_down(self, network: Network, links: Collection[str]) -> None:
        assert network.link is not None
        try:
            self._driver.unplug_links(network, links)
            self._driver.remove(network.link)
        except OSError as error:
            raise NetworkTrouble(f"cannot remove network {network.name}", error) from error

    def _decide(self, asked: Network, others: Collection[Network]) -> Network:
        pools = [*self._settings.default_address_pools, *ipv6_pools(self._settings)]
        around = creation.Surroundings(others, used_subnets(self._rtnl), pools)
        network = creation.complete(asked, around)
        if network.link is None or (found := self._rtnl.link(network.link.name)) is None:
            return network
        if found.kind != "bridge":
            raise BridgeTaken(found.name)
        link = BridgeLink(found.name, found.mac, is_ours=False)
        return msgspec.structs.replace(network, link=link)


def ipv6_pools(settings: NetworkSettings) -> Sequence[AddressPool]:
    """Return the pools for IPv6 that the settings name, or else the engine's own range (RFC 4193)."""
    named = [pool for pool in settings.default_address_pools if ip_network(pool.base).version == 6]
    return named or [AddressPool(settings.ipv6_pool, 64)]


def used_subnets(rtnl: Rtnl, *, but_of: int = 0) -> list[Subnet]:
    """Return what the host's addresses, routes and name servers take; not those of the link `but_of`."""
    used: list[Subnet] = [found.interface.network for found in rtnl.addresses() if found.link != but_of]
    for version in (4, 6):
        used += [
            each.destination
            for each in rtnl.routes(version=version)
            if each.destination.prefixlen and each.link != but_of
        ]
    return used + [ip_network(server) for server in host_nameservers()]


def _strike_off(db: sqlite3.Connection, network: Network, links: Collection[str]) -> None:
    store.remove_links(db, links)
    store.remove_network(db, network.id)
