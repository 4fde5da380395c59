"""The record of a network: what is stored, and what inspect is made of."""

from ipaddress import IPv4Interface, ip_interface

import msgspec

OPTION_BRIDGE = "com.docker.network.bridge.name"
OPTION_MTU = "com.docker.network.driver.mtu"
OPTION_ICC = "com.docker.network.bridge.enable_icc"
OPTION_MASQUERADE = "com.docker.network.bridge.enable_ip_masquerade"
OPTION_HOST_BINDING = "com.docker.network.bridge.host_binding_ipv4"
OPTION_DEFAULT_BRIDGE = "com.docker.network.bridge.default_bridge"


class IpamConfig(msgspec.Struct, frozen=True):
    """One subnet of a network, with its gateway."""

    subnet: str
    gateway: str = ""
    ip_range: str = ""
    aux_addresses: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def interface(self) -> IPv4Interface:
        """The gateway with the subnet's prefix: the address of the bridge."""
        interface = ip_interface(f"{self.gateway}/{self.subnet.partition('/')[2]}")
        assert isinstance(interface, IPv4Interface)
        return interface


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
        """The IPv4 subnet; only networks whose driver gives addresses have one."""
        return self.ipam[0]

    def claims(self, option: str, *, default: bool = True) -> bool:
        """Return a driver option that is `true` or `false`."""
        value = self.options.get(option)
        return default if value is None else value.lower() in {"true", "1", "t"}


PREDEFINED = frozenset({"bridge", "host", "none"})
"""Networks that are always there and cannot be removed."""
