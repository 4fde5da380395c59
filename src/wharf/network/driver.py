"""What a network driver does. Blocking; called on the network lane, one call at a time."""

from collections.abc import Sequence
from typing import Protocol

from wharf.network.endpoint import Endpoint
from wharf.network.network import Network


class Driver(Protocol):
    """One way to connect containers: bridge, host, null.

    Life of an endpoint: `plug` puts a container's network namespace on the network, `unplug` undoes what is
    left of that. Both raise errors of `wharf.network.errors`.
    """

    gives_addresses: bool
    """Whether endpoints get an address from the network's subnet, and links."""

    def plug(self, network: Network, endpoint: Endpoint, netlink_fd: int, ways_out: frozenset[int]) -> None:
        """Connect the namespace in which the NETLINK_ROUTE socket `netlink_fd` (borrowed) was made.

        `ways_out` are the IP versions for which this network is the container's way out.
        """

    def unplug(self, network: Network, endpoints: Sequence[Endpoint]) -> None:
        """Remove what `plug` made on the host; nothing happens where the kernel was faster."""
