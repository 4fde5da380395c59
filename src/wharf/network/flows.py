"""Datagrams that still go where a port led before: to be forgotten when it leads elsewhere."""

import logging
from collections.abc import Sequence
from ipaddress import ip_address

from wharf.linux.netlink import Rtnl
from wharf.linux.netlink.conntrack import Conntrack
from wharf.network.ports import PROTOCOLS
from wharf.network.published import PublishedPort

_log = logging.getLogger(__name__)


def forget(rtnl: Rtnl, ports: Sequence[PublishedPort]) -> None:
    """Forget who talks to the UDP ports among `ports`; blocking.

    A port leads where it should for whoever comes anew, also where this fails: that is logged.
    """
    datagrams = [port for port in ports if port.protocol == "udp"]
    if not datagrams:
        return
    try:
        here = {found.interface.ip for found in rtnl.addresses()}
        with Conntrack.open() as conntrack:
            for port in datagrams:
                host_ip = ip_address(port.host_ip)
                flows = conntrack.flows_to(host_ip.version, PROTOCOLS["udp"], port.host_port)
                if host_ip.is_unspecified:
                    gone = [one for one in flows if one.destination in here or one.destination.is_loopback]
                else:
                    gone = [one for one in flows if one.destination == host_ip]
                conntrack.forget(gone)
    except OSError as error:
        _log.warning("cannot forget who talks to published ports: %s", error)
