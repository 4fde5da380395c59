"""Endpoints: a container's place on a network."""

import os
import re
from collections.abc import Sequence
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface

import msgspec

from wharf.errors import InvalidParameter

_MAC = re.compile(r"[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}", re.ASCII)
_LINK_PREFIX = "veth"
HOST_LINK = re.compile(r"veth[0-9a-f]{7}", re.ASCII)
"""Names of the host's ends of our veth pairs."""


class EndpointRequest(msgspec.Struct, frozen=True):
    """What a container wants of its endpoint; None leaves the choice to the engine."""

    ip: str | None = None
    ip6: str | None = None
    mac: str | None = None
    link_local_ips: tuple[str, ...] = ()
    driver_opts: dict[str, str] = msgspec.field(default_factory=dict)
    gw_priority: int = 0
    container_name: str = ""
    aliases: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """What the network's other containers may call this one."""
    links: dict[str, str] = msgspec.field(default_factory=dict)
    """What this one alone calls others: alias → name."""


class Endpoint(msgspec.Struct, frozen=True):
    """One endpoint. Texts are empty and lengths 0 where the network's driver has no such thing."""

    id: str
    network_id: str
    network_name: str
    driver: str
    container_id: str
    mac: str = ""
    ip: str = ""
    prefix_len: int = 0
    gateway: str = ""
    ip6: str = ""
    prefix_len6: int = 0
    gateway6: str = ""
    link_local_ips: tuple[str, ...] = ()
    driver_opts: dict[str, str] = msgspec.field(default_factory=dict)
    gw_priority: int = 0
    container_name: str = ""
    aliases: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    links: dict[str, str] = msgspec.field(default_factory=dict)
    mtu: int = 0
    interface_name: str = ""
    """Name of the link inside the container."""
    host_link: str = ""
    """Name of its other end, on the host."""

    @property
    def interface(self) -> IPv4Interface:
        """IPv4 address and prefix; only for endpoints that have an IPv4 address."""
        interface = ip_interface(f"{self.ip}/{self.prefix_len}")
        assert isinstance(interface, IPv4Interface)
        return interface

    @property
    def interfaces(self) -> Sequence[IPv4Interface | IPv6Interface]:
        """All addresses with their prefixes: the network's own, then link-local ones."""
        texts = [f"{self.ip}/{self.prefix_len}"] if self.ip else []
        texts += [f"{self.ip6}/{self.prefix_len6}"] if self.ip6 else []
        texts += [f"{one}/{16 if ip_address(one).version == 4 else 64}" for one in self.link_local_ips]
        return [ip_interface(text) for text in texts]

    def gateway_of(self, version: int) -> str:
        """Return the address of the way out for IPv4 or IPv6, empty for none."""
        return self.gateway if version == 4 else self.gateway6


def random_mac() -> str:
    """Return a random Ethernet address: unicast, locally administered (IEEE 802)."""
    data = bytearray(os.urandom(6))
    data[0] = data[0] & 0xFC | 0x02
    return bytes(data).hex(":")


def parse_mac(text: str) -> str:
    """Return `text` in the usual form; raises InvalidParameter in Docker's words."""
    if _MAC.fullmatch(text) is None or int(text[:2], 16) & 1:
        raise InvalidParameter(f"invalid MAC address: {text}")
    return text.replace("-", ":").lower()


def random_host_link() -> str:
    """Return a name for the host's end of a veth pair."""
    return _LINK_PREFIX + os.urandom(4).hex()[:7]


def random_id() -> str:
    """Return 64 random hex digits: the id of an endpoint or a network."""
    return os.urandom(32).hex()
