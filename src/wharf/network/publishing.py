"""Publishing the ports of containers: reserved, recorded, held by the keeper, led to their container.

A port leads to its container's way out, whichever that is at the time.
"""

import os
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from ipaddress import ip_address

from wharf.errors import EngineError
from wharf.failpoint import failpoint
from wharf.network import ports as host_ports
from wharf.network import store
from wharf.network.endpoint import Endpoint
from wharf.network.errors import NotPublished
from wharf.network.firewall import PortRule
from wharf.network.names import Names
from wharf.network.network import OPTION_HOST_BINDING, Network
from wharf.network.ports import PROTOCOLS, Ports
from wharf.network.published import PublishedPort
from wharf.network.settings import NetworkSettings
from wharf.schema.host_config import PortBinding
from wharf.state.database import Database

_ANYWHERE = "0.0.0.0"
_HAS_IPV6 = "/proc/net/if_inet6"

WaysOut = Callable[[str], Mapping[int, tuple[Network, Endpoint]]]
"""A container's ways out, by IP version."""


class Publishing:
    """The published ports of all containers. `apply` makes the packet filter say what `rules` returns.

    It is told which ports lead elsewhere now.
    """

    def __init__(
        self,
        db: Database,
        keeper: Names | None,
        ways_out: WaysOut,
        apply: Callable[[Sequence[PublishedPort]], Awaitable[None]],
        settings: NetworkSettings,
    ) -> None:
        self._db = db
        self._keeper = keeper
        self._ways_out = ways_out
        self._apply = apply
        self._settings = settings
        self._ports = Ports()
        self._published: dict[str, tuple[PublishedPort, ...]] = {}

    def restore(self, ports: Mapping[str, tuple[PublishedPort, ...]]) -> None:
        """Take over what is on record."""
        self._published = dict(ports)

    def of(self, container_id: str) -> Sequence[PublishedPort]:
        """Return the ports of a container that are published now."""
        return self._published.get(container_id, ())

    def rules(self) -> Mapping[str, Sequence[PortRule]]:
        """Return what leads to containers, by network."""
        rules: dict[str, list[PortRule]] = {}
        for container_id, ports in self._published.items():
            ways_out = self._ways_out(container_id)
            for port in ports:
                host_ip = ip_address(port.host_ip)
                if (way_out := ways_out.get(host_ip.version)) is None:
                    continue
                network, endpoint = way_out
                inside = ip_address(endpoint.ip if host_ip.version == 4 else endpoint.ip6)
                protocol = PROTOCOLS[port.protocol]
                rule = PortRule(protocol, host_ip, port.host_port, inside, port.container_port)
                rules.setdefault(network.id, []).append(rule)
        return rules

    async def publish(
        self,
        container_id: str,
        bindings: Mapping[str, Sequence[PortBinding] | None],
        exposed: Collection[str],
        *,
        publish_all: bool,
    ) -> None:
        """Publish ports of a container that has its addresses; raises NotPublished."""
        if not (bindings or publish_all) or (way_out := self._main_way_out(container_id)) is None:
            return
        network, endpoint = way_out
        wanted = host_ports.wanted_ports(
            bindings,
            exposed,
            publish_all=publish_all,
            default_ip=self._default_ip(network),
            has_ipv6=os.path.exists(_HAS_IPV6),
        )
        taken = [port for ports in self._published.values() for port in ports]
        try:
            reserved = self._ports.reserve(wanted, taken, endpoint.ip or endpoint.ip6)
        except EngineError as error:
            raise NotPublished(endpoint.container_name, endpoint.id, error) from error
        if not reserved:
            return
        ports = self._published[container_id] = tuple(one.port for one in reserved)
        try:
            await self._db.write(lambda db: store.save_ports(db, container_id, ports))
            failpoint("network.publish.recorded")
            await self._hold(container_id, ports, [one.fd for one in reserved])
            failpoint("network.publish.held")
            await self._apply(ports)
            failpoint("network.publish.led")
        except BaseException:
            await self.take_back(container_id)
            raise
        finally:
            host_ports.release(reserved)

    async def take_back(self, container_id: str) -> None:
        """Take a container's ports back; nothing happens when it has none."""
        if (ports := self._published.pop(container_id, None)) is None:
            return
        await self._apply(ports)
        failpoint("network.unpublish.filtered")
        if self._keeper is not None:
            await self._keeper.unhold(container_id)
        await self._db.write(lambda db: store.save_ports(db, container_id, ()))

    async def sweep(self, live: Collection[str]) -> None:
        """Forget the ports of containers that do not live."""
        for container_id in [one for one in self._published if one not in live]:
            await self.take_back(container_id)

    async def hold_again(self, container_id: str) -> None:
        """See that the ports of a container that lives are held; OSError where somebody has taken one."""
        ports = self.of(container_id)
        if not ports or self._keeper is None or await self._keeper.holds(container_id):
            return
        fds: list[int] = []
        try:
            for port in ports:
                fds.append(self._ports.hold(port))  # noqa: PERF401  # what was had is closed when one fails
            await self._hold(container_id, ports, fds)
        finally:
            for fd in fds:
                os.close(fd)

    def _default_ip(self, network: Network) -> str:
        """Return where a port that names no address is published."""
        chosen = network.options.get(OPTION_HOST_BINDING) or _ANYWHERE
        return "127.0.0.1" if chosen == _ANYWHERE and self._settings.publish_policy == "loopback" else chosen

    def _main_way_out(self, container_id: str) -> tuple[Network, Endpoint] | None:
        ways_out = self._ways_out(container_id)
        return ways_out.get(4) or ways_out.get(6)

    async def _hold(self, container_id: str, ports: Sequence[PublishedPort], fds: Sequence[int]) -> None:
        """Give the sockets to the keeper, each with where it is to carry what comes to it."""
        way_out = self._main_way_out(container_id)
        if self._keeper is None or way_out is None:
            return
        inside = way_out[1].ip or way_out[1].ip6
        carried = {"tcp", "udp"} if self._settings.userland_proxy else set()
        targets = [(inside, port.container_port) if port.protocol in carried else None for port in ports]
        await self._keeper.hold(container_id, fds, targets)
