"""Driver `null` (network `none`): the container has its loopback link and nothing else."""

from collections.abc import Sequence

from wharf.linux.netlink import Rtnl, link
from wharf.network.endpoint import Endpoint
from wharf.network.errors import NetworkTrouble
from wharf.network.network import Network


class NullDriver:
    """Only lo is set up."""

    gives_addresses = False

    def plug(
        self,
        network: Network,  # noqa: ARG002  # the Protocol's
        endpoint: Endpoint,  # noqa: ARG002  # likewise
        netlink_fd: int,
        ways_out: frozenset[int],  # noqa: ARG002  # likewise
    ) -> None:
        """Set lo up."""
        set_loopback_up(netlink_fd)

    def unplug(self, network: Network, endpoints: Sequence[Endpoint]) -> None:
        """Do nothing: lo goes with its namespace."""


def set_loopback_up(netlink_fd: int) -> None:
    """Set lo up in the namespace in which the NETLINK_ROUTE socket `netlink_fd` (borrowed) was made."""
    try:
        with Rtnl.from_fd(netlink_fd) as inside:
            inside.run(link.change("lo", up=True))
    except OSError as error:
        raise NetworkTrouble("cannot set up the loopback interface", error) from error
