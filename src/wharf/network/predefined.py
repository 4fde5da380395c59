"""The networks that are always there: `bridge`, `host`, `none`; found in the database, or made at first."""

import time
from ipaddress import IPv4Network, IPv6Network, ip_network

from wharf.aio.lane import Lane
from wharf.linux.netlink import Rtnl
from wharf.network import default_bridge, store
from wharf.network.drivers.bridge import BridgeDriver
from wharf.network.endpoint import random_id
from wharf.network.errors import BridgeTaken
from wharf.network.network import IpamConfig, Network
from wharf.network.settings import NetworkSettings
from wharf.state.database import Database

_ATTEMPTS = 8
"""How often another engine may take the name we just chose for a bridge."""


class Predefined:
    """Brings the predefined networks up, once, at start."""

    def __init__(self, db: Database, lane: Lane, rtnl: Rtnl, settings: NetworkSettings) -> None:
        self._db = db
        self._lane = lane
        self._rtnl = rtnl
        self._settings = settings
        self._driver = BridgeDriver(rtnl)
        self._others: list[IPv4Network | IPv6Network] = []
        """The subnets of users' networks."""

    async def bring_up(self, stored: store.Stored) -> dict[str, Network]:
        """Return all networks by id; those of the kernel exist, all are durable."""
        by_name = {network.name: network for network in stored.networks.values()}
        self._others = [
            ip_network(config.subnet)
            for network in stored.networks.values()
            if not network.is_predefined
            for config in network.subnets
        ]
        for name, driver in (("none", "null"), ("host", "host")):
            if name not in by_name:
                by_name[name] = await self._save(Network(random_id(), name, driver, time.time_ns()))
        recorded = by_name.pop("bridge", None)
        if self._settings.bridge != "none":
            in_use = recorded is not None and any(
                endpoint.network_id == recorded.id for endpoint in stored.endpoints.values()
            )
            by_name["bridge"] = await self._bring_bridge_up(recorded, in_use=in_use)
        return {network.id: network for network in by_name.values()}

    async def _bring_bridge_up(self, recorded: Network | None, *, in_use: bool) -> Network:
        """Decide, record, make; decide anew when the name was taken meanwhile.

        While containers hold addresses, link and subnet stay as recorded, whatever the settings say by now.
        """
        for _ in range(_ATTEMPTS):
            network = await self._lane.run(self._decide, recorded, in_use=in_use)
            if network != recorded:
                await self._save(network)
            try:
                await self._lane.run(self._driver.ensure, network)
            except FileExistsError:
                recorded, in_use = network, False
                continue
            if recorded is not None and recorded.link not in (None, network.link):
                await self._lane.run(self._driver.remove, recorded.link)
            return network
        raise BridgeTaken(default_bridge.USUAL_NAME)

    def _decide(self, recorded: Network | None, *, in_use: bool) -> Network:
        settings = self._settings
        if recorded is not None and in_use:
            assert recorded.link is not None
            settings = settings._replace(bridge=recorded.link.name, bip=None)
        link = default_bridge.choose_link(self._rtnl, settings, None if recorded is None else recorded.link)
        interface = default_bridge.choose_interface(
            self._rtnl, settings, link, None if recorded is None else recorded.ipv4, self._others
        )
        before = _ipv6_of(recorded) if recorded is not None and recorded.enable_ipv6 else None
        ipv6 = before if in_use else None
        ipv6 = ipv6 or default_bridge.choose_ipv6(self._rtnl, settings, link, before, self._others)
        network_id = random_id() if recorded is None else recorded.id
        created_ns = time.time_ns() if recorded is None else recorded.created_ns
        return default_bridge.describe(network_id, created_ns, self._settings, link, interface, ipv6=ipv6)

    async def _save(self, network: Network) -> Network:
        await self._db.write(lambda db: store.save_network(db, network))
        return network


def _ipv6_of(network: Network) -> IpamConfig:
    return next(config for config in network.subnets if config.version == 6)
