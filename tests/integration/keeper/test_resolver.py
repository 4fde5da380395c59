"""A resolver over real sockets, in a network namespace of the test's own, with servers behind it."""

import os
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

from netns_kit import isolated
from wharf.keeper.places import Place
from wharf.keeper.resolver import Resolver, Settings, Upstream
from wharf.keeper.zone import Entry, Zone
from wharf.linux.netlink import Rtnl, link
from wharf.shim.loop import Loop

_A, _AAAA, _TXT = 1, 28, 16
_NOERROR, _FORMERR, _SERVFAIL, _NXDOMAIN = 0, 1, 2, 3


def question(name: str, kind: int = _A) -> bytes:
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    return b"\xab\xcd\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + labels + b"\0" + struct.pack(">HH", kind, 1)


def said(response: bytes) -> tuple[int, int]:
    """Response code and number of records of an answer to our question."""
    assert response[:2] == b"\xab\xcd"
    return response[3] & 0xF, int.from_bytes(response[6:8], "big")


def by_udp(address: tuple[str, int], data: bytes) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.sendto(data, address)
        return sock.recv(65535)


def by_tcp(address: tuple[str, int], data: bytes) -> bytes:
    with socket.create_connection(address, timeout=10) as sock, sock.makefile("rb") as answers:
        sock.sendall(len(data).to_bytes(2, "big") + data)
        return answers.read(int.from_bytes(answers.read(2), "big"))


def _set_loopback_up() -> None:
    """Before any address of it is used: a socket that was bound earlier is not answered to."""
    with Rtnl.open() as rtnl:
        rtnl.run(link.change("lo", up=True))


@contextmanager
def server(address: str, code: int, asked: list[str]) -> Iterator[None]:
    """A server at `address` that gives one answer to everything, by UDP and TCP."""
    _set_loopback_up()
    udp, tcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket()
    udp.bind((address, 53))
    tcp.bind((address, 53))
    tcp.listen()

    def answer(data: bytes, how: str) -> bytes:
        asked.append(how)
        count = b"\0\1" if code == _NOERROR else b"\0\0"
        record = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\1\2\3\4" if code == _NOERROR else b""
        return data[:2] + bytes((0x81, 0x80 | code)) + data[4:6] + count + b"\0\0\0\0" + data[12:] + record

    def serve_udp() -> None:
        while True:
            data, sender = udp.recvfrom(65535)
            if not data:
                return
            udp.sendto(answer(data, f"{address} udp"), sender)

    def serve_tcp() -> None:
        while True:
            connection, _ = tcp.accept()
            with connection:
                if not (data := connection.recv(65535)):
                    return
                response = answer(data[2:], f"{address} tcp")
                connection.sendall(len(response).to_bytes(2, "big") + response)

    threads = [threading.Thread(target=serve_udp), threading.Thread(target=serve_tcp)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as last:
            last.sendto(b"", (address, 53))
        socket.create_connection((address, 53)).close()
        for thread in threads:
            thread.join()
        udp.close()
        tcp.close()


@contextmanager
def resolver(settings: Settings) -> Iterator[tuple[tuple[str, int], tuple[str, int]]]:
    """A resolver that knows `db` (two addresses, one of them IPv6); its addresses for UDP and TCP."""
    _set_loopback_up()
    loop, zone = Loop(), Zone()
    zone.put(Entry("1", "me", "n", "net", ("me",), ("10.0.0.1",)))
    zone.put(Entry("2", "other", "n", "net", ("db",), ("10.0.0.2", "fd00::2")))
    udp, tcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket()
    udp.bind(("127.0.0.11", 0))
    tcp.bind(("127.0.0.11", 0))
    tcp.listen()
    addresses = udp.getsockname(), tcp.getsockname()
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    ready, wake = os.pipe()
    loop.add(ready, 1, lambda _: loop.stop())

    def serve() -> None:
        served = Resolver(loop, zone, "me", Place(os.dup(home), home), (udp, tcp))
        served.settings = settings
        loop.run()
        served.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield addresses
    finally:
        os.write(wake, b"x")
        thread.join()
        for fd in (ready, wake, home):
            os.close(fd)


@isolated
def test_known_names_are_answered_here() -> None:
    with resolver(Settings()) as (udp, tcp):
        assert said(by_udp(udp, question("DB"))) == (_NOERROR, 1)
        assert by_udp(udp, question("db.net"))[-4:] == bytes((10, 0, 0, 2))
        assert said(by_udp(udp, question("db", _AAAA))) == (_NOERROR, 1)
        assert said(by_udp(udp, question("me", _AAAA))) == (_NOERROR, 0)
        assert said(by_tcp(tcp, question("db"))) == (_NOERROR, 1)


@isolated
def test_what_is_no_question_is_told_so() -> None:
    with resolver(Settings()) as (udp, _):
        assert said(by_udp(udp, b"\xab\xcd\1\0\0\1\0\0\0\0\0\0\5ab")) == (_FORMERR, 0)


@isolated
def test_other_names_are_asked_of_the_servers_in_their_order() -> None:
    asked: list[str] = []
    servers = (Upstream("127.0.0.2", from_host=False), Upstream("127.0.0.3", from_host=True))
    with (
        server("127.0.0.2", _SERVFAIL, asked),
        server("127.0.0.3", _NOERROR, asked),
        resolver(Settings(servers)) as (udp, tcp),
    ):
        assert by_udp(udp, question("example.com"))[-4:] == bytes((1, 2, 3, 4))
        assert asked == ["127.0.0.2 udp", "127.0.0.3 udp"]
        assert by_tcp(tcp, question("example.com"))[-4:] == bytes((1, 2, 3, 4))
        assert asked[2:] == ["127.0.0.2 tcp", "127.0.0.3 tcp"]
        assert said(by_udp(udp, question("db", _TXT))) == (_NOERROR, 1)


@isolated
def test_a_failure_of_the_last_server_is_the_answer() -> None:
    asked: list[str] = []
    with (
        server("127.0.0.2", _NXDOMAIN, asked),
        resolver(
            Settings((Upstream("127.0.0.9", from_host=False), Upstream("127.0.0.2", from_host=False)))
        ) as (udp, _),
    ):
        assert said(by_udp(udp, question("example.com"))) == (_NXDOMAIN, 0)


@isolated
def test_nobody_outside_is_asked_where_that_is_forbidden() -> None:
    asked: list[str] = []
    upstream = (Upstream("127.0.0.2", from_host=False),)
    with server("127.0.0.2", _NOERROR, asked):
        with resolver(Settings(upstream, forwards=False)) as (udp, _):
            assert said(by_udp(udp, question("example.com"))) == (_SERVFAIL, 0)
        with resolver(Settings(upstream, forwards_single=False)) as (udp, _):
            assert said(by_udp(udp, question("single"))) == (_NOERROR, 0)
        with resolver(Settings()) as (udp, _):
            assert said(by_udp(udp, question("example.com"))) == (_SERVFAIL, 0)
        assert asked == []
