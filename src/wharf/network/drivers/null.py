"""Driver `null` (network `none`): the container has its loopback link and nothing else."""

from collections.abc import Sequence

from wharf.network.endpoint import Endpoint
from wharf.network.network import Network


class NullDriver:
    """There is no link: every new network namespace has a lo, which the runtime sets up."""

    gives_addresses = False

    def plug(self, network: Network, endpoint: Endpoint, netlink_fd: int, ways_out: frozenset[int]) -> None:
        """Do nothing."""

    def unplug(self, network: Network, endpoints: Sequence[Endpoint]) -> None:
        """Do nothing."""
