"""What can be wrong with a network, an endpoint or an address, in Docker's words."""

from wharf.errors import Conflict, Forbidden, Internal, InvalidParameter, NotFound
from wharf.network.published import PublishedPort


class NoSuchNetwork(NotFound):
    """No network has this name or id."""

    def __init__(self, name: str) -> None:
        super().__init__(f"network {name} not found")
        self.name = name


class AmbiguousNetwork(InvalidParameter):
    """Several networks have ids that begin so."""

    def __init__(self, name: str, matches: int) -> None:
        super().__init__(f"network {name} is ambiguous ({matches} matches found based on ID prefix)")
        self.name = name


class EndpointExists(Forbidden):
    """The container is connected to the network already."""

    def __init__(self, endpoint: str, network: str) -> None:
        super().__init__(f"endpoint with name {endpoint} already exists in network {network}")


class NoFreeAddress(Internal):
    """Every address of the network is taken."""

    def __init__(self, version: int, network: str, network_id: str) -> None:
        super().__init__(
            f"no available IPv{version} addresses on this network's address pools: {network} ({network_id})"
        )


class NoFreeSubnet(NotFound):
    """Every predefined pool overlaps something."""

    def __init__(self) -> None:
        super().__init__("all predefined address pools have been fully subnetted")


class AddressInUse(Forbidden):
    """The address asked for is another endpoint's, or the gateway's."""

    def __init__(self) -> None:
        super().__init__("Address already in use")


class AddressOutOfRange(InvalidParameter):
    """The address asked for lies outside of the network's subnet."""

    def __init__(self) -> None:
        super().__init__("requested address is out of range")


class InvalidEndpoint(InvalidParameter):
    """The endpoint settings of a request do not fit the network; `network` is empty for `network connect`."""

    def __init__(self, network: str, *faults: str) -> None:
        lines = "".join(f"\n* {fault}" for fault in faults) if len(faults) > 1 else f"\n{faults[0]}"
        context = f"invalid config for network {network}: " if network else ""
        super().__init__(f"{context}invalid endpoint settings:{lines}")


class BridgeTaken(Conflict):
    """The name wanted for a bridge belongs to another link."""

    def __init__(self, name: str) -> None:
        super().__init__(f'cannot use "{name}" as a bridge: it is a link of another kind')


class NetworkTrouble(Internal):
    """The kernel refused a step of network set-up."""

    def __init__(self, attempt: str, error: OSError) -> None:
        super().__init__(f"{attempt}: {(error.strerror or str(error)).lower()}")
        self.errno = error.errno


class NetworkExists(Conflict):
    """Another network has the name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"network with name {name} already exists")


class PredefinedNetwork(Forbidden):
    """The name belongs to a network that is always there."""

    def __init__(self, name: str) -> None:
        super().__init__(f"operation is not permitted on predefined {name} network")


class PoolOverlaps(Forbidden):
    """Another network has addresses of the subnet asked for."""

    def __init__(self) -> None:
        super().__init__("invalid pool request: Pool overlaps with other one on this address space")


class InvalidNetwork(InvalidParameter):
    """The address ranges of a new network make no sense."""

    def __init__(self, *faults: str) -> None:
        lines = "".join(f"\n* {fault}" for fault in faults) if len(faults) > 1 else f"\n{faults[0]}"
        super().__init__(f"invalid network config:{lines}")


class NoSuchPlugin(NotFound):
    """No driver has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f'plugin "{name}" not found')


class NetworkInUse(Forbidden):
    """Containers are connected to the network."""

    def __init__(self, network: str, endpoints: str) -> None:
        super().__init__(
            f"error while removing network: network {network} has active endpoints ({endpoints})"
        )


class ConfigurationInUse(Forbidden):
    """Networks take their configuration from this one."""

    def __init__(self, network: str) -> None:
        super().__init__(f"configuration network {network!r} is in use")


class PortTaken(Internal):
    """A container of ours has the port already."""

    def __init__(self, address: str, port: int) -> None:
        shown = f"[{address}]" if ":" in address else address
        super().__init__(f"Bind for {shown}:{port} failed: port is already allocated")


class NoHostPort(Internal):
    """The kernel refuses a port of the host; without one: none of those that would do is free."""

    def __init__(self, port: PublishedPort | None, container_ip: str, error: OSError | None) -> None:
        if port is None or error is None:
            super().__init__("all ports are allocated")
            return
        host, inside = (f"[{ip}]" if ":" in ip else ip for ip in (port.host_ip, container_ip))
        reason = (error.strerror or str(error)).lower()
        super().__init__(
            f"failed to bind host port for {host}:{port.host_port}:{inside}:{port.container_port}"
            f"/{port.protocol}: {reason}"
        )


class NotPublished(Internal):
    """A container's ports could not be published."""

    def __init__(self, container_name: str, endpoint_id: str, error: Exception) -> None:
        super().__init__(
            f"driver failed programming external connectivity on endpoint {container_name} ({endpoint_id}): "
            f"{error}"
        )
