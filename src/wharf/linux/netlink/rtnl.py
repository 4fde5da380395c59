"""Rtnl: links, addresses, routes and neighbours of one network namespace.

Whatever the kernel refuses is an OSError with its number and its words. Several changes go in one round
trip by `run(message, …)`, with the messages of the modules `link`, `address`, `route` and `neighbour`.
"""

import errno
import fcntl
from collections.abc import Sequence
from typing import Self

from wharf.linux.netlink import address as _address
from wharf.linux.netlink import link as _link
from wharf.linux.netlink import neighbour as _neighbour
from wharf.linux.netlink import route as _route
from wharf.linux.netlink.address import Address
from wharf.linux.netlink.connection import Connection
from wharf.linux.netlink.link import Link
from wharf.linux.netlink.message import Message
from wharf.linux.netlink.neighbour import Neighbour
from wharf.linux.netlink.route import Route

NETLINK_ROUTE = 0
_SIOCGSKNS = 0x894C


class Rtnl:
    """A NETLINK_ROUTE socket, owned; a context manager."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls) -> "Rtnl":
        """Open a socket in this thread's network namespace."""
        return cls(Connection.open(NETLINK_ROUTE))

    @classmethod
    def from_fd(cls, fd: int) -> "Rtnl":
        """Use a NETLINK_ROUTE socket that was opened anywhere; `fd` is borrowed.

        The kernel asks CAP_NET_ADMIN of the opener and of the sender (netlink_net_capable).
        """
        return cls(Connection.from_fd(fd, NETLINK_ROUTE))

    def close(self) -> None:
        """Close the socket; may be called twice."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, *messages: Message) -> None:
        """Carry out `messages` in one round trip; raises the first error among them."""
        self._connection.run(*messages)

    def attempt(self, messages: Sequence[Message]) -> list[OSError | None]:
        """Carry out `messages` in one round trip; return the outcome of each."""
        return self._connection.attempt(messages)

    def links(self, *, master: int | None = None) -> list[Link]:
        """Return all links, or the ports of the bridge with index `master`."""
        answers = self._connection.dump(_link.listing(master=master))
        return [_link.parse(answer) for answer in answers if answer.type == _link.RTM_NEWLINK]

    def link(self, which: int | str) -> Link | None:
        """Return the link with this index or name, or None."""
        try:
            answers = self._connection.ask(_link.get(which))
        except OSError as error:
            if error.errno == errno.ENODEV:
                return None
            raise
        return _link.parse(answers[0])

    def delete_link(self, which: int | str) -> bool:
        """Delete a link; return whether there was one."""
        try:
            self.run(_link.delete(which))
        except OSError as error:
            if error.errno == errno.ENODEV:
                return False
            raise
        return True

    def addresses(self, *, link: int | None = None) -> list[Address]:
        """Return all IP addresses, or those of one link."""
        answers = self._connection.dump(_address.listing(link=link))
        return [found for answer in answers if (found := _address.parse(answer)) is not None]

    def routes(self, *, version: int = 4) -> list[Route]:
        """Return the routes of all tables."""
        answers = self._connection.dump(_route.listing(version=version))
        return [found for answer in answers if (found := _route.parse(answer)) is not None]

    def neighbours(self, *, version: int = 4) -> list[Neighbour]:
        """Return the neighbour table."""
        answers = self._connection.dump(_neighbour.listing(version=version))
        return [found for answer in answers if (found := _neighbour.parse(answer)) is not None]

    def namespace(self) -> int:
        """Return a new descriptor of the network namespace that the socket belongs to (SIOCGSKNS)."""
        return namespace_of(self._connection.socket.fileno())


def namespace_of(fd: int) -> int:
    """Return a new descriptor of the network namespace that the socket `fd` was made in.

    Linux 4.10 (ioctl SIOCGSKNS); needs CAP_NET_ADMIN over that namespace. The kernel makes it close-on-exec.
    """
    namespace: int = fcntl.ioctl(fd, _SIOCGSKNS)
    return namespace
