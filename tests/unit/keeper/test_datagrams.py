"""Datagrams that are carried by hand, over the loopback."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from wharf.keeper import datagrams
from wharf.keeper.datagrams import HeldDatagrams
from wharf.keeper.ports import hold
from wharf.shim import loop as event
from wharf.shim.loop import Loop


def _bound(address: str, *, connected_to: tuple[str, int] | None = None) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(5)
    sock.bind((address, 0))
    if connected_to is not None:
        sock.connect(connected_to)
    return sock


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with _bound("127.0.0.1") as sock:
        yield sock


@pytest.fixture
def port(server: socket.socket) -> Iterator[int]:
    """The number of a port that is held, at all addresses, and carried to `server`."""
    loop, (reader, writer) = Loop(), os.pipe()
    sock = _bound("::")
    number: int = sock.getsockname()[1]
    held = hold(loop, [sock.detach()], [server.getsockname()])
    loop.add(reader, event.IN, lambda _: loop.stop())
    thread = threading.Thread(target=loop.run)
    thread.start()
    yield number
    os.write(writer, b"x")
    thread.join()
    for one in held:
        one.close()
    os.close(reader)
    os.close(writer)


def test_each_who_asks_is_answered_from_the_address_he_asked(server: socket.socket, port: int) -> None:
    with ExitStack() as stack:
        # A connected socket takes nothing that comes from another address.
        askers = [
            stack.enter_context(_bound("127.0.0.1", connected_to=("127.0.0.1", port))),
            stack.enter_context(_bound("127.0.0.1", connected_to=("127.0.0.2", port))),
            stack.enter_context(_bound("::1", connected_to=("::1", port))),
        ]
        for n, asker in enumerate(askers):
            asker.send(bytes((n,)))
        heard = dict(server.recvfrom(16) for _ in askers)
        assert len(set(heard.values())) == 3
        for question, peer in heard.items():
            server.sendto(question * 2, peer)
        assert [asker.recv(16) for asker in askers] == [bytes((n, n)) for n in range(3)]
        askers[0].send(b"again")
        assert server.recvfrom(16) == (b"again", heard[b"\0"])


def test_whoever_has_been_silent_longest_makes_room(
    server: socket.socket, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datagrams, "_PEERS_MAX", 2)
    with ExitStack() as stack:
        askers = [
            stack.enter_context(_bound("127.0.0.1", connected_to=("127.0.0.1", port))) for _ in range(3)
        ]
        peers = []
        for asker in askers:
            asker.send(b"hello")
            peers.append(server.recvfrom(16)[1])
        for asker in (askers[2], askers[1]):
            asker.send(b"again")
        assert [server.recvfrom(16)[1] for _ in range(2)] == [peers[2], peers[1]]
        askers[0].send(b"anew")
        assert server.recvfrom(16)[1] != peers[0]


def test_a_silence_of_some_length_is_the_end(server: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datagrams, "_IDLE_S", 0.01)
    loop = Loop()
    with _bound("127.0.0.1") as sock:
        held = HeldDatagrams(loop, sock, server.getsockname())
        with _bound("127.0.0.1", connected_to=sock.getsockname()) as asker:
            asker.send(b"hello")
            loop.later(0.2, loop.stop)
            loop.run()
            assert server.recv(16) == b"hello"
            assert held.peers == 0
        held.close()


def test_where_nothing_is_carried_a_connection_is_ended_at_once() -> None:
    loop = Loop()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        listener.setblocking(False)
        [held] = hold(loop, [listener.detach()], [None])
    with socket.create_connection(address, timeout=5) as asker:
        loop.later(0.05, loop.stop)
        loop.run()
        assert asker.recv(16) == b""
    held.close()
