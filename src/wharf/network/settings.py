"""What the daemon's settings say about networks; dockerd's flags of the same names."""

from typing import NamedTuple


class AddressPool(NamedTuple):
    """Subnets for networks that name none: `base` cut into networks of `size` bits."""

    base: str
    size: int


DEFAULT_ADDRESS_POOLS = (
    AddressPool("172.17.0.0/16", 16),
    AddressPool("172.18.0.0/16", 16),
    AddressPool("172.19.0.0/16", 16),
    AddressPool("172.20.0.0/14", 16),
    AddressPool("172.24.0.0/14", 16),
    AddressPool("172.28.0.0/14", 16),
    AddressPool("192.168.0.0/16", 20),
)


class NetworkSettings(NamedTuple):
    """One engine's network settings."""

    instance: str = "wharf"
    """The engine's name on this host; the nftables table is called so."""
    bridge: str | None = None
    """Link of the default bridge network; `none` means no such network. A missing link is made."""
    bip: str | None = None
    """Address and prefix of the default bridge, `172.26.0.1/16`."""
    default_address_pools: tuple[AddressPool, ...] = DEFAULT_ADDRESS_POOLS
    ipv6_pool: str = "fd00::/48"
    """Where IPv6 subnets come from when no pool of that version is named: the engine's own (RFC 4193)."""
    mtu: int = 1500
    iptables: bool = True
    """False: no firewall rule at all is made."""
    firewall_backend: str = "auto"
    ip_forward: bool = True
    ip_masq: bool = True
    icc: bool = True
    """Whether containers on the default bridge may talk to each other."""
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_opts: tuple[str, ...] = ()
