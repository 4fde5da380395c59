"""Where a reference's registry is, and what may be said to it without TLS. Pure.

Plain HTTP and unchecked certificates are for loopback addresses and for what the settings list; for nothing
else, whatever a server answers (CVE-2014-5277).
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import urlsplit

from wharf.errors import InvalidParameter
from wharf.registry.settings import RegistrySettings
from wharf.schema.reference import DEFAULT_DOMAIN

__all__ = ["DEFAULT_DOMAIN", "Host", "Origin", "hosts_for", "is_insecure"]

_HUB_HOST = "registry-1.docker.io"
_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """What credentials are bound to: scheme, host and port."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> "Origin":
        """Return the origin of an absolute http(s) URL; raises InvalidParameter."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise InvalidParameter(f"invalid URL: {url!r}") from None
        if parts.scheme not in _PORTS or not parts.hostname:
            raise InvalidParameter(f"invalid URL: {url!r}")
        return cls(parts.scheme, parts.hostname, port or _PORTS[parts.scheme])

    @property
    def address(self) -> IPv4Address | IPv6Address | None:
        """The IP address that the host is written as, if it is."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None


class Host(NamedTuple):
    """One place to ask for a repository."""

    base: str
    """URL before `/v2/`."""
    checks_certificate: bool
    domain: str
    """Name of its folder with certificates."""


def hosts_for(domain: str, settings: RegistrySettings) -> list[Host]:
    """Return where to ask for repositories of `domain`, in order."""
    if domain == DEFAULT_DOMAIN:
        mirrors = [_mirror(url, settings) for url in settings.mirrors]
        return [*mirrors, Host(f"https://{_HUB_HOST}", True, domain)]
    if is_insecure(domain, settings):
        return [Host(f"https://{domain}", False, domain), Host(f"http://{domain}", False, domain)]
    return [Host(f"https://{domain}", True, domain)]


def is_insecure(domain: str, settings: RegistrySettings) -> bool:
    """Whether `domain` (`host[:port]`) is a loopback address or listed as insecure."""
    origin = Origin.of(f"https://{domain}")
    address = origin.address
    if origin.host == "localhost" or (address is not None and address.is_loopback):
        return True
    for entry in settings.insecure:
        if entry in {domain, origin.host}:
            return True
        if address is not None and "/" in entry and address in ip_network(entry, strict=False):
            return True
    return False


def _mirror(url: str, settings: RegistrySettings) -> Host:
    origin = Origin.of(url)
    domain = urlsplit(url).netloc
    if origin.scheme == "http" and not is_insecure(domain, settings):
        raise InvalidParameter(f"invalid mirror: {url} is not secure and not listed as insecure")
    return Host(url.rstrip("/"), not is_insecure(domain, settings), domain)
