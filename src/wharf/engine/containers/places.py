"""What a container asks of its place in a network."""

from wharf.network.endpoint import EndpointRequest
from wharf.schema.network import Endpoints


def endpoint_request(endpoints: Endpoints | None, network: str) -> EndpointRequest:
    """Return what `endpoints`, as they came with the request, want of the network's endpoint."""
    wanted = (endpoints or {}).get(network)
    if wanted is None:
        return EndpointRequest()
    ip = wanted.ipam_config.ipv4_address if wanted.ipam_config else ""
    return EndpointRequest(ip=ip or None, mac=wanted.mac_address or None)
