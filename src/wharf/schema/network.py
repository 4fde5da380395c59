"""Networks, and a container's place in them."""

from wharf.schema.host_config import PortMap, Strings
from wharf.schema.struct import Struct, omit, zero


class EndpointIPAMConfig(Struct):
    """The addresses a container asks for."""

    ipv4_address: str = omit("")
    ipv6_address: str = omit("")
    link_local_ips: list[str] = omit([])


class EndpointSettings(Struct):
    """A container's place in one network: what was asked, then what it was given."""

    ipam_config: EndpointIPAMConfig | None = None
    links: Strings = None
    aliases: Strings = None
    mac_address: str = ""
    driver_opts: dict[str, str] | None = None
    gw_priority: int = 0
    network_id: str = ""
    endpoint_id: str = ""
    gateway: str = ""
    ip_address: str = ""
    ip_prefix_len: int = 0
    ipv6_gateway: str = ""
    global_ipv6_address: str = ""
    global_ipv6_prefix_len: int = 0
    dns_names: Strings = None


Endpoints = dict[str, EndpointSettings | None]
"""The name of a network to a container's place in it; null asks for all defaults."""


class NetworkingConfig(Struct):
    """The networks a new container shall be connected to."""

    endpoints_config: Endpoints | None = None


class Address(Struct):
    """An address beyond the first one of an endpoint."""

    addr: str = ""
    prefix_len: int = 0


class NetworkSettings(Struct):
    """All of a container's network; the members between `bridge` and `networks` mirror the default one."""

    bridge: str = ""
    sandbox_id: str = ""
    sandbox_key: str = ""
    ports: PortMap | None = None
    hairpin_mode: bool = False
    link_local_ipv6_address: str = ""
    link_local_ipv6_prefix_len: int = 0
    secondary_ip_addresses: list[Address] | None = None
    secondary_ipv6_addresses: list[Address] | None = None
    endpoint_id: str = ""
    gateway: str = ""
    global_ipv6_address: str = ""
    global_ipv6_prefix_len: int = 0
    ip_address: str = ""
    ip_prefix_len: int = 0
    ipv6_gateway: str = ""
    mac_address: str = ""
    networks: Endpoints | None = None


class IPAMConfig(Struct):
    """One address range of a network."""

    subnet: str = omit("")
    ip_range: str = omit("")
    gateway: str = omit("")
    auxiliary_addresses: dict[str, str] = omit({})


class IPAM(Struct):
    """The address driver of a network, its options, and the ranges."""

    driver: str = ""
    options: dict[str, str] | None = None
    config: list[IPAMConfig] | None = None


class ConfigReference(Struct):
    """The network whose configuration is used."""

    network: str = ""


class NetworkContainer(Struct):
    """A container in a network's inspect; addresses with their prefix length."""

    name: str = ""
    endpoint_id: str = ""
    mac_address: str = ""
    ipv4_address: str = ""
    ipv6_address: str = ""


class PeerInfo(Struct):
    """A host that takes part in an overlay network."""

    name: str = ""
    ip: str = ""


class NetworkInspect(Struct):
    """A network, in a list and in an inspect; `created` is RFC 3339."""

    name: str = ""
    id: str = ""
    created: str = ""
    scope: str = ""
    driver: str = ""
    enable_ipv4: bool = False
    enable_ipv6: bool = False
    ipam: IPAM = zero(IPAM)
    internal: bool = False
    attachable: bool = False
    ingress: bool = False
    config_from: ConfigReference = zero(ConfigReference)
    config_only: bool = False
    containers: dict[str, NetworkContainer] | None = None
    options: dict[str, str] | None = None
    labels: dict[str, str] | None = None
    peers: list[PeerInfo] = omit([])


class NetworkCreateRequest(Struct):
    """The body of `POST /networks/create`; `enable_ipv4` is true when it is not said."""

    name: str = ""
    driver: str = ""
    scope: str = ""
    enable_ipv4: bool | None = omit(None)
    enable_ipv6: bool | None = omit(None)
    ipam: IPAM | None = None
    internal: bool = False
    attachable: bool = False
    ingress: bool = False
    config_only: bool = False
    config_from: ConfigReference | None = None
    options: dict[str, str] | None = None
    labels: dict[str, str] | None = None


class NetworkCreateResponse(Struct):
    """The answer to `POST /networks/create`."""

    id: str = ""
    warning: str = ""


class NetworkConnectRequest(Struct):
    """The body of `POST /networks/{id}/connect`."""

    container: str = ""
    endpoint_config: EndpointSettings | None = omit(None)


class NetworkDisconnectRequest(Struct):
    """The body of `POST /networks/{id}/disconnect`."""

    container: str = ""
    force: bool = False


class NetworksPruneReport(Struct):
    """The answer to `POST /networks/prune`."""

    networks_deleted: Strings = None
