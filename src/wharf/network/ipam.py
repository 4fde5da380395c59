"""Addresses of one subnet: which are taken, and which comes next. Pure; the caller makes it durable.

Addresses are handed out in rising order and not used again before the others have been: the search for a
free one goes on behind the last one given, and starts again at the front when it meets the end.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from wharf.network.errors import AddressInUse, AddressOutOfRange

Subnet = IPv4Network | IPv6Network
IPAddress = IPv4Address | IPv6Address


class PoolExhausted(Exception):
    """No address is left; whoever knows the network's name words it."""


class AddressPool:
    """The addresses of `subnet`, of which `ip_range` (default: all) are given without being asked for.

    The network's own address and, for IPv4, the broadcast address are never given (but in /31 and /32, where
    each address counts, RFC 3021).
    """

    def __init__(
        self, subnet: Subnet, *, ip_range: Subnet | None = None, last: IPAddress | None = None
    ) -> None:
        self.subnet = subnet
        self._start, self._end = _hosts(subnet, ip_range or subnet)
        self._taken: set[int] = set()
        self._next = self._start if last is None else int(last) + 1

    def take(self, address: IPAddress | None = None) -> IPAddress:
        """Take `address`, or the next free one; raises AddressInUse, AddressOutOfRange, PoolExhausted."""
        if address is None:
            number = self._free()
            self._next = number + 1
        else:
            if address.version != self.subnet.version or address not in self.subnet:
                raise AddressOutOfRange
            number = int(address)
            if number in self._taken or address in self._reserved():
                raise AddressInUse
        self._taken.add(number)
        return type(self.subnet.network_address)(number)

    def restore(self, addresses: Iterable[IPAddress]) -> None:
        """Mark addresses as taken that were taken in an earlier life."""
        self._taken.update(int(address) for address in addresses)

    def give_back(self, address: IPAddress) -> None:
        """Free an address; nothing happens if it is free."""
        self._taken.discard(int(address))

    @property
    def last(self) -> IPAddress:
        """The address behind which the search goes on: keep it to go on after a restart."""
        number = max(self._next - 1, int(self.subnet.network_address))
        return ip_address(number) if self.subnet.version == 4 else IPv6Address(number)

    @property
    def taken(self) -> int:
        """How many addresses are taken."""
        return len(self._taken)

    def _reserved(self) -> tuple[IPAddress, ...]:
        if self.subnet.num_addresses <= 2:
            return ()
        network = self.subnet.network_address
        return (network, self.subnet.broadcast_address) if self.subnet.version == 4 else (network,)

    def _free(self) -> int:
        first = self._next if self._start <= self._next <= self._end else self._start
        for span in (range(first, self._end + 1), range(self._start, first)):
            for number in span:
                if number not in self._taken:
                    return number
        raise PoolExhausted


def _hosts(subnet: Subnet, ip_range: Subnet) -> tuple[int, int]:
    """Return the first and the last address to give."""
    start, end = int(ip_range.network_address), int(ip_range.broadcast_address)
    if subnet.num_addresses > 2:
        start = max(start, int(subnet.network_address) + 1)
        if subnet.version == 4:
            end = min(end, int(subnet.broadcast_address) - 1)
    return start, end
