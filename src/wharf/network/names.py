"""Names of containers: what the keeper, the process that answers them, has to know, and that it lives.

The keeper goes on while this engine is away, and is found again at its next start. It is there only while a
container needs it.
"""

import asyncio
import contextlib
import logging
import os
import socket
import threading
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network

from wharf import limits
from wharf.aio.channel import Channel
from wharf.aio.peer import Peer
from wharf.errors import EngineError, Internal, Unavailable
from wharf.failpoint import failpoint
from wharf.keeper.main import SOCKET
from wharf.linux.clone import CloneFlag, setns
from wharf.linux.netlink.rtnl import namespace_of
from wharf.linux.nftables import Chain, ChainType, Family, Hook, Nft, Table, expression, objects
from wharf.linux.nftables.objects import PRIORITY_DSTNAT
from wharf.linux.seqpacket import close_all
from wharf.network.endpoint import Endpoint
from wharf.spawner.client import Spawner

ADDRESS = "127.0.0.11"
"""Where a container's resolver is, as resolv.conf says."""

_PORT = 53
_BACKLOG = 64
_TABLE = Table(Family.IPV4, "wharf-names")
_PROTOCOLS = {socket.SOCK_DGRAM: 17, socket.SOCK_STREAM: 6}
_log = logging.getLogger(__name__)


class Names:
    """The way to the keeper. `on_lost` is called when it has died with containers that need it."""

    def __init__(self, spawner: Spawner, folder: str) -> None:
        self.on_lost: Callable[[], None] = _nothing
        self._spawner = spawner
        self._folder = folder
        self._peer: Peer | None = None
        self._served: set[str] = set()
        self._holding: set[str] = set()
        self._lock = asyncio.Lock()

    async def begin(self) -> None:
        """Look for a keeper of an earlier life, and begin to tell it what is still true."""
        async with self._lock:
            peer = self._peer = await self._found()
        if peer is not None:
            await peer.call("mark")

    async def settle(self) -> None:
        """What was not told since `begin` is no more."""
        if self._peer is not None:
            await self._peer.call("sweep")
            await self._end_if_idle()

    async def is_served(self, container: str) -> bool:
        """Whether the keeper has the sockets of a container's resolver."""
        if self._peer is None or self._peer.closed.done():
            return False
        answer, _ = await self._peer.call("serves", container=container)
        if answer.get("serves") is not True:
            return False
        self._served.add(container)
        return True

    async def serve(self, container: str, netlink_fd: int, settings: dict[str, object]) -> None:
        """Give a container a resolver in the namespace of the netlink socket, which is borrowed."""
        self._served.add(container)
        try:
            fds = await asyncio.to_thread(_open_sockets, netlink_fd)
        except OSError as error:
            raise Internal(f"cannot set up the container's resolver: {error.strerror}") from error
        try:
            failpoint("names.opened")
            peer = await self._living()
            await peer.call("serve", fds, container=container, settings=settings)
            failpoint("names.served")
        finally:
            close_all(fds)

    async def change(self, container: str, settings: dict[str, object]) -> None:
        """Give a container's resolver other settings."""
        if container in self._served:
            await (await self._living()).call("serve", container=container, settings=settings)

    async def put(self, endpoint: Endpoint) -> None:
        """Make an endpoint's names known, or change them."""
        entry = {
            "id": endpoint.id,
            "container": endpoint.container_id,
            "network": endpoint.network_id,
            "network_name": endpoint.network_name,
            "names": list(endpoint.names),
            "links": endpoint.links,
            "addresses": [one for one in (endpoint.ip, endpoint.ip6) if one],
        }
        await (await self._living()).call("put", entry=entry)

    async def hold(
        self, container: str, fds: Sequence[int], targets: Sequence[tuple[str, int] | None]
    ) -> None:
        """Have the sockets of a container's ports held, as long as it runs; `fds` are borrowed.

        What comes to a socket that has a target is carried there.
        """
        self._holding.add(container)
        peer = await self._living()
        for start in range(0, len(fds), limits.PACKET_FDS):
            some = slice(start, start + limits.PACKET_FDS)
            await peer.call("hold", fds[some], container=container, targets=list(targets[some]))

    async def holds(self, container: str) -> bool:
        """Whether a container's ports are held."""
        if self._peer is None or self._peer.closed.done():
            return False
        answer, _ = await self._peer.call("holds", container=container)
        if answer.get("holds") is not True:
            return False
        self._holding.add(container)
        return True

    async def unhold(self, container: str) -> None:
        """Let a container's ports go."""
        if container not in self._holding:
            return
        self._holding.discard(container)
        if (peer := self._peer) is None or peer.closed.done():
            return
        try:
            await peer.call("unhold", container=container)
            await self._end_if_idle()
        except Unavailable as error:  # with the keeper went what it held
            _log.warning("%s", error)

    async def remove(self, endpoint: Endpoint, *, is_last: bool) -> None:
        """Forget an endpoint, and with a container's last one its resolver: its namespace may go then."""
        if endpoint.container_id not in self._served:
            return
        peer = self._peer
        if is_last:
            self._served.discard(endpoint.container_id)
        if peer is None or peer.closed.done():
            return
        try:
            await peer.call("remove", entry=endpoint.id)
            if is_last:
                await peer.call("drop", container=endpoint.container_id)
                await self._end_if_idle()
        except Unavailable as error:  # with the keeper went what it was to forget
            _log.warning("%s", error)

    async def close(self) -> None:
        """Leave the keeper alone; it goes on."""
        peer, self._peer = self._peer, None
        if peer is not None:
            await peer.close()

    async def _end_if_idle(self) -> None:
        async with self._lock:
            if self._served or self._holding or self._peer is None:
                return
            peer, self._peer = self._peer, None
            with contextlib.suppress(EngineError):
                await peer.call("end")
            await peer.close()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{self._folder}/{SOCKET}")

    async def _living(self) -> Peer:
        async with self._lock:
            if self._peer is None or self._peer.closed.done():
                try:
                    await self._connect()
                except OSError:
                    await self._start()
            assert self._peer is not None
            return self._peer

    async def _start(self) -> None:
        """Start a keeper in the place of one that does not answer."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{self._folder}/{SOCKET}")
        await self._spawner.job("keeper", {"folder": self._folder})
        try:
            await self._connect()
        except OSError as error:
            raise Unavailable(f"cannot reach the keeper: {error.strerror}") from error

    async def _found(self) -> Peer | None:
        """Return the way to a keeper that lives."""
        try:
            return await self._connect()
        except OSError:
            return None

    async def _connect(self) -> Peer:
        channel = await Channel.connect(f"{self._folder}/{SOCKET}")
        peer = Peer(channel, lambda _message, fds: close_all(fds))
        self._peer = peer
        peer.closed.add_done_callback(lambda _: self._lost(peer))
        return peer

    def _lost(self, peer: Peer) -> None:
        if self._peer is peer and (self._served or self._holding):
            _log.warning("the keeper of names is gone; another one is made")
            self.on_lost()


def resolver_settings(
    endpoints: Sequence[Endpoint], upstreams: Sequence[str], *, ndots: bool
) -> dict[str, object]:
    """Return what a container's resolver has to know; `ndots` says that its user has set that option.

    A container without a way out is told of nothing outside its networks (CVE-2024-29018).
    """
    return {
        "upstreams": list(upstreams),
        "forwards": any(endpoint.gateway or endpoint.gateway6 for endpoint in endpoints),
        "forwards_single": not ndots,
    }


def _open_sockets(netlink_fd: int) -> list[int]:
    """Return a UDP and a TCP socket in the namespace of a netlink socket, and that; all the caller's.

    They have ports of the kernel's choice, so that the container may have a server at port 53 of its own; the
    packet filter leads 127.0.0.11:53 to them.
    """
    made: list[int] = []
    failures: list[OSError] = []

    def work() -> None:
        try:
            setns(made[0], CloneFlag.NEWNET)
            messages = [objects.add_table(_TABLE), objects.delete_table(_TABLE), objects.add_table(_TABLE)]
            chain = Chain(_TABLE, "output", ChainType.NAT, Hook.OUTPUT, PRIORITY_DSTNAT)
            messages.append(objects.add_chain(chain))
            for kind, protocol in _PROTOCOLS.items():
                port = _listen(kind, made)
                messages.append(objects.add_rule(chain, *_led_to(port, protocol)))
            with Nft.open() as nft:
                nft.commit(messages)
        except OSError as error:
            failures.append(error)

    made.append(namespace_of(netlink_fd))
    thread = threading.Thread(target=work, name="resolver")
    thread.start()
    thread.join()
    if failures:
        close_all(made)
        raise failures[0]
    namespace, udp, tcp = made
    return [udp, tcp, namespace]


def _listen(kind: int, made: list[int]) -> int:
    """Make a socket, whose descriptor goes to `made`, and return its port."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind((ADDRESS, 0))
        if kind == socket.SOCK_STREAM:
            sock.listen(_BACKLOG)
        port: int = sock.getsockname()[1]
        made.append(sock.detach())
    return port


def _led_to(port: int, protocol: int) -> tuple[bytes, ...]:
    address = IPv4Network(ADDRESS)
    return (
        expression.destination(address),
        expression.transport(protocol),
        expression.destination_port(_PORT),
        expression.dnat(address.network_address, port),
    )


def _nothing() -> None:
    """Nobody has to know."""
