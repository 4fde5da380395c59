"""Networks, endpoints and addresses."""

from wharf.network.endpoint import Endpoint, EndpointRequest
from wharf.network.network import Network
from wharf.network.networks import Networks
from wharf.network.settings import AddressPool, NetworkSettings

__all__ = ["AddressPool", "Endpoint", "EndpointRequest", "Network", "NetworkSettings", "Networks"]
