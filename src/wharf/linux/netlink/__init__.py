"""Netlink spoken directly: sockets and `struct`, blocking, one round trip per batch.

`message` encodes and decodes, `connection` sends and collects answers, `link`, `address`, `route` and
`neighbour` make rtnetlink's messages, `rtnl` is the handle that other rooms use.
"""

from wharf.linux.netlink.address import Address
from wharf.linux.netlink.link import Link
from wharf.linux.netlink.neighbour import Neighbour
from wharf.linux.netlink.route import Route
from wharf.linux.netlink.rtnl import Rtnl

__all__ = ["Address", "Link", "Neighbour", "Route", "Rtnl"]
