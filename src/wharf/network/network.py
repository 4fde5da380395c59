"""The record of a network: what is stored, and what inspect is made of."""

from collections.abc import Sequence
from ipaddress import IPv4Interface, IPv6Interface, ip_interface, ip_network

import msgspec

OPTION_BRIDGE = "com.docker.network.bridge.name"
OPTION_MTU = "com.docker.network.driver.mtu"
OPTION_ICC = "com.docker.network.bridge.enable_icc"
OPTION_MASQUERADE = "com.docker.network.bridge.enable_ip_masquerade"
OPTION_HOST_BINDING = "com.docker.network.bridge.host_binding_ipv4"
OPTION_DEFAULT_BRIDGE = "com.docker.network.bridge.default_bridge"
OPTION_INHIBIT_IPV4 = "com.docker.network.bridge.inhibit_ipv4"
OPTION_GATEWAY_MODE = {
    4: "com.docker.network.bridge.gateway_mode_ipv4",
    6: "com.docker.network.bridge.gateway_mode_ipv6",
}
OPTION_TRUSTED = "com.docker.network.bridge.trusted_host_interfaces"
OPTION_PREFIX = "com.docker.network.container_iface_prefix"

Interface = IPv4Interface | IPv6Interface


class IpamConfig(msgspec.Struct, frozen=True):
    """One subnet of a network, with its gateway."""

    subnet: str
    gateway: str = ""
    """Empty where the network has none: `gateway_mode` isolated, or a subnet of a version that is off."""
    ip_range: str = ""
    aux_addresses: dict[str, str] = msgspec.field(default_factory=dict)
    is_chosen: bool = False
    """Whether the engine chose the subnet, out of its pools."""
    is_gateway_shown: bool = True
    """False when neither its creator nor a pool of the engine's named the gateway: inspect leaves it out."""

    @property
    def version(self) -> int:
        """4 or 6."""
        return ip_network(self.subnet).version

    @property
    def interface(self) -> Interface:
        """The gateway with the subnet's prefix: the address of the bridge."""
        return ip_interface(f"{self.gateway}/{self.subnet.partition('/')[2]}")


class BridgeLink(msgspec.Struct, frozen=True):
    """The link behind a bridge network."""

    name: str
    mac: str
    """Given at creation; a link of this name with another address is somebody else's."""
    is_ours: bool
    """Whether this engine made it (and so may delete it)."""


class Network(msgspec.Struct, frozen=True):
    """One network; times are nanoseconds since 1970."""

    id: str
    name: str
    driver: str
    created_ns: int
    scope: str = "local"
    enable_ipv4: bool = True
    enable_ipv6: bool = False
    internal: bool = False
    attachable: bool = False
    ingress: bool = False
    config_only: bool = False
    config_from: str = ""
    ipam_options: dict[str, str] = msgspec.field(default_factory=dict)
    ipam_driver: str = "default"
    ipam: tuple[IpamConfig, ...] = ()
    options: dict[str, str] = msgspec.field(default_factory=dict)
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    link: BridgeLink | None = None

    @property
    def mtu(self) -> int:
        """Largest packet in bytes."""
        return int(self.options.get(OPTION_MTU, "1500"))

    @property
    def ipv4(self) -> IpamConfig:
        """The IPv4 subnet; only for networks that have one."""
        return next(config for config in self.subnets if config.version == 4)

    @property
    def subnets(self) -> Sequence[IpamConfig]:
        """The subnets in use: those of a version that is enabled, one for each."""
        enabled = {4: self.enable_ipv4, 6: self.enable_ipv6}
        return [config for config in self.ipam if enabled[config.version] and not self.config_only]

    def gateway_mode(self, version: int) -> str:
        """Return `nat`, `nat-unprotected`, `routed` or `isolated`."""
        return self.options.get(OPTION_GATEWAY_MODE[version], "") or "nat"

    @property
    def is_predefined(self) -> bool:
        """Whether it is one of the three that are always there."""
        return self.name in PREDEFINED

    @property
    def has_names(self) -> bool:
        """Whether its containers find each other by name: a user's own networks."""
        return self.driver not in {"host", "null"} and not self.is_predefined

    def claims(self, option: str, *, default: bool = True) -> bool:
        """Return a driver option that is `true` or `false`."""
        value = self.options.get(option)
        return default if value is None else value.lower() in {"true", "1", "t"}


PREDEFINED = frozenset({"bridge", "host", "none"})
"""Networks that are always there and cannot be removed."""
