"""A container's /etc/hosts: text out of names and addresses.

Sources: hosts(5), and what the reference engine writes.
"""

from collections.abc import Iterable, Sequence

_IPV4_LINES = (("127.0.0.1", "localhost"),)
_IPV6_LINES = (
    ("::1", "localhost ip6-localhost ip6-loopback"),
    ("fe00::", "ip6-localnet"),
    ("ff00::", "ip6-mcastprefix"),
    ("ff02::1", "ip6-allnodes"),
    ("ff02::2", "ip6-allrouters"),
)


def make(
    *,
    addresses: Sequence[str] = (),
    hostname: str = "",
    domainname: str = "",
    extra: Iterable[tuple[str, str]] = (),
    ipv6: bool = True,
) -> str:
    """Return the file: localhost, then `extra` (address, names), then the container's own addresses.

    `ipv6` False leaves the IPv6 lines out, for a container whose kernel or namespace has none.
    """
    lines = [*_IPV4_LINES, *(_IPV6_LINES if ipv6 else ()), *extra]
    names = own_names(hostname, domainname)
    lines += [(address, names) for address in addresses]
    return "".join(f"{address}\t{names}\n" for address, names in lines)


def own_names(hostname: str, domainname: str) -> str:
    """Return the names of a container: the full one, and the short one if that differs."""
    full = f"{hostname}.{domainname}" if domainname else hostname
    short = full.partition(".")[0]
    return full if short == full else f"{full} {short}"


def split_extra(host: str) -> tuple[str, str]:
    """Return (address, name) of an `--add-host` in the API's form, `name:address`."""
    name, _, address = host.partition(":")
    return address, name
