"""What the daemon's settings say about networks; dockerd's flags of the same names."""

from typing import NamedTuple

PUBLISH_POLICIES = ("docker", "host-firewall", "loopback")


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
    ipv6: bool = False
    """Whether the default bridge has IPv6, too."""
    fixed_cidr_v6: str | None = None
    """Its IPv6 subnet; one of the pools' when none is named."""
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
    host_ip: str = "0.0.0.0"
    """Where containers on the default bridge publish ports of which no address is said; `--ip`."""
    userland_proxy: bool = True
    """Whether the keeper carries what the packet filter does not lead."""
    publish_policy: str = "docker"
    """How far a published port reaches.

    `docker`: the packet filter leads to it, past the host's own INPUT rules. `host-firewall`: who comes from
    elsewhere must pass those; the keeper carries it over. `loopback`: as `docker`, but of the host's own
    addresses 127.0.0.1 is what a port that names none is published at.
    """
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_opts: tuple[str, ...] = ()
