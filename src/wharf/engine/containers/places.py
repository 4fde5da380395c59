"""What a container asks of its places in networks."""

from wharf.network.endpoint import EndpointRequest
from wharf.schema.network import Endpoints, NetworkingConfig

DEFAULT = "default"
"""What clients call the default bridge when they name no network."""

BRIDGE = "bridge"


def named(networking: NetworkingConfig | None) -> Endpoints:
    """Return the places asked for, under the networks' own names."""
    asked = (networking.endpoints_config if networking else None) or {}
    return {BRIDGE if name == DEFAULT else name: settings for name, settings in asked.items()}


def endpoint_request(endpoints: Endpoints, network: str) -> EndpointRequest:
    """Return what `endpoints` want of the endpoint in `network`."""
    wanted = endpoints.get(network)
    if wanted is None:
        return EndpointRequest()
    ip = wanted.ipam_config.ipv4_address if wanted.ipam_config else ""
    return EndpointRequest(ip=ip or None, mac=wanted.mac_address or None)
