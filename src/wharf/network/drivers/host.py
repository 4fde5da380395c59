"""Driver `host`: the container uses the host's own network namespace."""

from collections.abc import Sequence

from wharf.network.endpoint import Endpoint
from wharf.network.network import Network


class HostDriver:
    """There is nothing to connect."""

    gives_addresses = False

    def plug(self, network: Network, endpoint: Endpoint, netlink_fd: int, ways_out: frozenset[int]) -> None:
        """Do nothing: the namespace is the host's, and its links are not ours."""

    def unplug(self, network: Network, endpoints: Sequence[Endpoint]) -> None:
        """Do nothing."""
