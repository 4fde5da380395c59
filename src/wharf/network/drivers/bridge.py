"""Driver `bridge`: a Linux bridge on the host, a veth pair for each container.

The container's end is born inside its namespace with its final name and address; nothing is ever renamed or
moved. IPv6 is shut off on both ends of a v4-only network before they are set up (CVE-2020-13401).
"""

import errno
import os
from collections.abc import Collection, Sequence
from contextlib import ExitStack

from wharf.failpoint import failpoint
from wharf.linux.netlink import Rtnl, address, link, neighbour
from wharf.linux.netlink.link import Link
from wharf.network import demands, gateway, sysctl
from wharf.network.endpoint import HOST_LINK, Endpoint
from wharf.network.errors import BridgeTaken, NetworkTrouble
from wharf.network.network import OPTION_ICC, OPTION_INHIBIT_IPV4, BridgeLink, Network

_SCOPE_LINK = 253
"""RT_SCOPE_LINK: addresses the kernel makes of a link's own."""
_ARP_NOTIFY = 22
"""IPV4_DEVCONF_ARP_NOTIFY (linux/ip.h): tell the neighbours one's address when the link comes up."""


class BridgeDriver:
    """Works with one netlink socket of the host's namespace, borrowed."""

    gives_addresses = True

    def __init__(self, rtnl: Rtnl) -> None:
        self._rtnl = rtnl

    def ensure(self, network: Network) -> None:
        """Make the network's bridge as recorded, or bring what is there in line with the record.

        A bridge that is not ours gets the network's address if it lacks it, and is set up; nothing else is
        changed on it. FileExistsError: the name was taken in this moment. Other trouble: NetworkTrouble.
        """
        wanted = _link_of(network)
        try:
            if (found := self._rtnl.link(wanted.name)) is None:
                failpoint("network.bridge.create")
                self._rtnl.run(link.create_bridge(wanted.name, mac=wanted.mac, mtu=network.mtu))
                failpoint("network.bridge.created")
                found = self._rtnl.link(wanted.name)
                assert found is not None
            if found.kind != "bridge":
                raise BridgeTaken(wanted.name)
            if wanted.is_ours and not network.enable_ipv6:
                for name, value in sysctl.v4_only(wanted.name).items():
                    sysctl.write(name, value)
            if wanted.is_ours and network.enable_ipv6:
                for name, value in sysctl.dual_stack(wanted.name).items():
                    sysctl.write(name, value)
            self._address(network, found, is_ours=wanted.is_ours)
            if not found.is_up:
                self._rtnl.run(link.change(found.ifindex, up=True))
        except FileExistsError:
            raise
        except OSError as error:
            raise NetworkTrouble(f'cannot set up bridge "{wanted.name}"', error) from error

    def remove(self, bridge: BridgeLink) -> None:
        """Delete a bridge that we made; one of that name with another address is left alone."""
        found = self._rtnl.link(bridge.name)
        if bridge.is_ours and found is not None and found.mac == bridge.mac:
            failpoint("network.bridge.delete")
            self._rtnl.delete_link(found.ifindex)

    def plug(self, network: Network, endpoint: Endpoint, netlink_fd: int, ways_out: frozenset[int]) -> None:
        """Make the veth pair, give eth0 its addresses and the default routes, set lo and all up."""
        try:
            with ExitStack() as stack:
                inside = stack.enter_context(Rtnl.from_fd(netlink_fd))
                namespace = inside.namespace()
                stack.callback(os.close, namespace)
                bridge = self._make_pair(network, endpoint, namespace)
                try:
                    self._set_up(endpoint, bridge, inside, namespace, ways_out)
                except BaseException:
                    self._rtnl.delete_link(endpoint.host_link)
                    raise
        except OSError as error:
            raise NetworkTrouble(f"cannot connect to network {network.name}", error) from error

    def unplug(self, network: Network, endpoints: Sequence[Endpoint]) -> None:
        """Delete the host's ends (and so the pairs) that are still there."""
        try:
            self.unplug_links(network, [endpoint.host_link for endpoint in endpoints])
        except OSError as error:
            raise NetworkTrouble(f"cannot disconnect from network {network.name}", error) from error

    def unplug_links(self, network: Network, names: Collection[str]) -> Sequence[str]:
        """Delete the veths of these names that are ports of the network's bridge; return which were.

        A deletion waits for a grace period of the kernel's (tens of milliseconds, with the lock that all link
        changes need), so several go as one group.
        """
        bridge = self._rtnl.link(_link_of(network).name)
        found = [self._rtnl.link(name) for name in names]
        doomed = [
            one
            for one in found
            if one is not None and bridge is not None and one.kind == "veth" and one.master == bridge.ifindex
        ]
        if not doomed:
            return []
        failpoint("network.unplug")
        group = int.from_bytes(os.urandom(4), "little") | 1 << 31
        marked = self._rtnl.attempt([link.change(one.ifindex, group=group) for one in doomed])
        if any(outcome is None for outcome in marked):
            self._ignore_gone(self._rtnl.attempt([link.delete_group(group)]))
        self._ignore_gone(marked)
        return [one.name for one in doomed]

    def let_back(self, endpoint: Endpoint) -> None:
        """Let a container reach its own published ports where bridged packets meet the IP filter.

        A frame that is led back to its sender there must leave by the port it came in by.
        """
        try:
            self._rtnl.run(link.change_port(endpoint.host_link, hairpin=True))
        except OSError as error:
            raise NetworkTrouble("cannot set up published ports", error) from error

    def ports(self, network: Network) -> list[str]:
        """Return the names of the bridge's ports that look like ours, for a sweep."""
        bridge = self._rtnl.link(_link_of(network).name)
        if bridge is None:
            return []
        ports = self._rtnl.links(master=bridge.ifindex)
        return [port.name for port in ports if port.kind == "veth" and HOST_LINK.fullmatch(port.name)]

    def _ignore_gone(self, outcomes: Sequence[OSError | None]) -> None:
        """Raise the first error but ENODEV: the link went with its namespace meanwhile."""
        for error in outcomes:
            if error is not None and error.errno != errno.ENODEV:
                raise error

    def _address(self, network: Network, bridge: Link, *, is_ours: bool) -> None:
        """Give the bridge the gateways' addresses; one of ours keeps no others that we could have given."""
        inhibited = network.claims(OPTION_INHIBIT_IPV4, default=False)
        wanted = [
            config.interface
            for config in network.subnets
            if config.gateway and not (inhibited and config.version == 4)
        ]
        found = [a.interface for a in self._rtnl.addresses(link=bridge.ifindex) if a.scope != _SCOPE_LINK]
        if is_ours:
            for stale in (interface for interface in found if interface not in wanted):
                self._rtnl.run(address.remove(bridge.ifindex, stale))
        for interface in (one for one in wanted if one not in found):
            failpoint("network.bridge.address")
            self._rtnl.run(address.add(bridge.ifindex, interface))

    def _make_pair(self, network: Network, endpoint: Endpoint, namespace: int) -> int:
        """Make the pair, both ends down; return the index of the bridge."""
        bridge = self._rtnl.link(_link_of(network).name)
        if bridge is None:
            raise OSError(errno.ENODEV, f"bridge {_link_of(network).name} does not exist")
        failpoint("network.plug.veth")
        self._rtnl.run(
            link.create_veth(
                endpoint.host_link,
                mtu=endpoint.mtu,
                peer=endpoint.interface_name,
                peer_mac=endpoint.mac,
                peer_namespace=namespace,
                master=bridge.ifindex,
            )
        )
        failpoint("network.plug.made")
        if not network.claims(OPTION_ICC):
            # Frames from one port to another need not meet the IP filter.
            self._rtnl.run(link.change_port(endpoint.host_link, isolated=True))
        return bridge.ifindex

    def _set_up(
        self, endpoint: Endpoint, bridge: int, inside: Rtnl, namespace: int, ways_out: frozenset[int]
    ) -> None:
        name = endpoint.interface_name
        for sysctl_name, value in sysctl.v4_only(endpoint.host_link).items():
            sysctl.write(sysctl_name, value)
        sysctl.write_inside(namespace, _sysctls(endpoint))
        stale = [neighbour.remove(bridge, interface.ip) for interface in endpoint.interfaces]
        up, *forgotten = self._rtnl.attempt([link.change(endpoint.host_link, up=True), *stale])
        if up is not None:
            raise up
        for error in forgotten:
            # An entry of the address's last owner would lead the host astray; mostly there is none (ENOENT).
            if error is not None and error.errno != errno.ENOENT:
                raise error
        eth0 = inside.link(name)
        if eth0 is None:
            raise OSError(errno.ENODEV, f"{name} went away")
        failpoint("network.plug.inside")
        inside.run(
            link.change("lo", up=True),
            *(address.add(eth0.ifindex, interface) for interface in endpoint.interfaces),
            link.change(eth0.ifindex, up=True, inet_conf={_ARP_NOTIFY: 1}),
            link.change(eth0.ifindex, inet_conf={_ARP_NOTIFY: 0}),
            *(gateway.add_route(endpoint, version, eth0.ifindex) for version in sorted(ways_out)),
        )
        failpoint("network.plug.done")


def _sysctls(endpoint: Endpoint) -> dict[str, str]:
    """Return the sysctls of the container's end: IPv6 on or off, then what its owner asks for."""
    name = endpoint.interface_name
    values = sysctl.dual_stack(name) if endpoint.ip6 else sysctl.v4_only(name)
    for path, value in demands.sysctls(endpoint.driver_opts).items():
        values[path.replace("IFNAME", name)] = value
    return values


def _link_of(network: Network) -> BridgeLink:
    assert network.link is not None, "a bridge network has a bridge"
    return network.link
