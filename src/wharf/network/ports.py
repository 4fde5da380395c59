"""Published ports: what is asked, what of the host it comes to, the sockets that reserve it.

A port is reserved by a socket of ours that is bound (and listens) as long as the container runs: whoever else
wants it hears so from the kernel. Sockets belong to whoever calls; numbers chosen here go round in the
kernel's own range of ephemeral ports, so that one is not given again at once.
"""

import os
import socket
from collections.abc import Collection, Iterator, Mapping, Sequence
from ipaddress import ip_address

import msgspec

from wharf.network import sysctl
from wharf.network.errors import NoHostPort, PortTaken
from wharf.network.published import PublishedPort
from wharf.schema.host_config import PortBinding

_EPHEMERAL = "net/ipv4/ip_local_port_range"
_SCTP = 132
PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": _SCTP}
_ANY = {4: "0.0.0.0", 6: "::"}
_BACKLOG = 1024


class Wanted(msgspec.Struct, frozen=True):
    """One binding that was asked for; ports from `first` to `last` will do, 0 means any."""

    protocol: str
    container_port: int
    host_ips: tuple[str, ...]
    first: int
    last: int


class Reserved(msgspec.Struct, frozen=True):
    """What was had: a port for each host address, with the socket that holds it."""

    port: PublishedPort
    fd: int


class Ports:
    """Gives ports of the host out."""

    def __init__(self) -> None:
        self._next = 0

    def reserve(
        self, wanted: Sequence[Wanted], taken: Collection[PublishedPort], container_ip: str
    ) -> list[Reserved]:
        """Return a reservation for each wanted binding; the descriptors are the caller's.

        Raises PortTaken, NoHostPort; nothing is held then.
        """
        made: list[Reserved] = []
        try:
            for one in wanted:
                held = {*taken, *(each.port for each in made)}
                made += self._reserve_one(one, held, container_ip)
        except BaseException:
            release(made)
            raise
        return made

    def hold(self, port: PublishedPort) -> int:
        """Return a socket that holds a port which is on record; raises OSError."""
        return _bind(port)

    def _reserve_one(
        self, wanted: Wanted, taken: Collection[PublishedPort], container_ip: str
    ) -> list[Reserved]:
        failure: Exception | None = None
        for number in self._candidates(wanted):
            ports = [
                PublishedPort(wanted.protocol, wanted.container_port, ip, number) for ip in wanted.host_ips
            ]
            if (holder := _conflict(ports, taken)) is not None:
                failure = failure or PortTaken(holder, number)
                continue
            made: list[Reserved] = []
            for port in ports:
                try:
                    made.append(Reserved(port, _bind(port)))
                except OSError as error:
                    release(made)
                    failure = NoHostPort(port, container_ip, error)
                    break
            else:
                return made
        if failure is not None and wanted.first == wanted.last and wanted.first:
            raise failure
        raise NoHostPort(None, container_ip, None) if isinstance(failure, PortTaken | None) else failure

    def _candidates(self, wanted: Wanted) -> Iterator[int]:
        if wanted.first:
            yield from range(wanted.first, wanted.last + 1)
            return
        low, high = (int(word) for word in (sysctl.read(_EPHEMERAL) or "32768 60999").split())
        start = self._next if low <= self._next <= high else low
        for number in (*range(start, high + 1), *range(low, start)):
            self._next = number + 1
            yield number


def wanted_ports(
    bindings: Mapping[str, Sequence[PortBinding] | None],
    exposed: Collection[str],
    *,
    publish_all: bool,
    default_ip: str,
    has_ipv6: bool,
) -> list[Wanted]:
    """Return what a container asks for, in the order of its ports.

    `default_ip` is where a binding without an address goes; the unspecified one means all of the host's
    addresses, of both versions where the host has IPv6.
    """
    found: list[Wanted] = []
    everything = {**(dict.fromkeys(exposed) if publish_all else {}), **bindings}
    for port in sorted(everything, key=_by_number):
        number, protocol = _split(port)
        chosen = everything[port]
        if not chosen and publish_all:
            chosen = [PortBinding()]
        for binding in chosen or ():
            first, _, last = binding.host_port.partition("-")
            low = int(first or 0)
            ips = (binding.host_ip,) if binding.host_ip else _everywhere(default_ip, has_ipv6=has_ipv6)
            found.append(Wanted(protocol, number, ips, low, int(last or low)))
    return found


def release(reserved: Sequence[Reserved]) -> None:
    """Close the sockets."""
    for one in reserved:
        os.close(one.fd)


def _everywhere(default_ip: str, *, has_ipv6: bool) -> tuple[str, ...]:
    if default_ip != _ANY[4]:
        return (default_ip,)
    return (_ANY[4], _ANY[6]) if has_ipv6 else (_ANY[4],)


def _split(port: str) -> tuple[int, str]:
    number, _, protocol = port.partition("/")
    return int(number), protocol or "tcp"


def _by_number(port: str) -> tuple[int, str]:
    return _split(port)


def _conflict(ports: Sequence[PublishedPort], taken: Collection[PublishedPort]) -> str | None:
    """Return the address at which one of `ports` is given out already."""
    for port in ports:
        for other in taken:
            if (port.protocol, port.host_port) != (other.protocol, other.host_port):
                continue
            ours, theirs = ip_address(port.host_ip), ip_address(other.host_ip)
            if ours.version == theirs.version and (
                ours == theirs or ours.is_unspecified or theirs.is_unspecified
            ):
                return other.host_ip if theirs.is_unspecified else port.host_ip
    return None


def _bind(port: PublishedPort) -> int:
    """Return a socket bound to a port of the host, listening where the protocol has that."""
    is_v6 = ip_address(port.host_ip).version == 6
    family = socket.AF_INET6 if is_v6 else socket.AF_INET
    kind = socket.SOCK_DGRAM if port.protocol == "udp" else socket.SOCK_STREAM
    with socket.socket(family, kind, PROTOCOLS[port.protocol]) as sock:
        if is_v6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((port.host_ip, port.host_port))
        if kind == socket.SOCK_STREAM:
            sock.listen(_BACKLOG)
        sock.setblocking(False)
        return sock.detach()
