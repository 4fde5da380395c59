"""Network namespaces for tests: a test in a fresh one of its own, and more of them beside it."""

import asyncio
import ctypes
import functools
import inspect
import os
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

_CLONE_NEWNET = 0x40000000
_CLONE_NEWNS = 0x00020000
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def isolated(test: Callable[..., Any]) -> Callable[..., None]:
    """Run a test (sync or async) in a forked child with network and mount namespaces of its own."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                os.close(reader)
                _check(_libc.unshare(_CLONE_NEWNET | _CLONE_NEWNS))
                outcome = test(*args, **kwargs)
                if inspect.iscoroutine(outcome):
                    asyncio.run(outcome)
                status = 0
            except BaseException:
                os.write(writer, traceback.format_exc().encode()[-60000:])
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        os.close(writer)
        with open(reader, "rb") as pipe:
            report = pipe.read().decode()
        _, status = os.waitpid(pid, 0)
        if report or status:
            pytest.fail(report or f"the test's process ended with status {status}", pytrace=False)

    del run.__wrapped__  # pytest would see through to the coroutine function
    run.__signature__ = inspect.signature(test)  # type: ignore[attr-defined]  # pytest reads it for fixtures
    marked: Callable[..., None] = pytest.mark.kernel(run)
    return marked


class Namespace(AbstractContextManager["Namespace"]):
    """A network namespace, with a NETLINK_ROUTE socket that was opened inside of it."""

    def __init__(self) -> None:
        self.fd = -1
        self.netlink_fd = -1

        def make() -> None:
            _check(_libc.unshare(_CLONE_NEWNET))
            self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            self.netlink_fd = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).detach()

        _in_thread(make)

    def run(self, work: Callable[[], T]) -> T:
        """Call `work` with this namespace as the thread's own."""

        def inside() -> T:
            _check(_libc.setns(self.fd, _CLONE_NEWNET))
            return work()

        return _in_thread(inside)

    def sysctl(self, name: str) -> str:
        """Return the value of a sysctl `net/…` in this namespace."""

        def read() -> str:
            with open(f"/proc/sys/{name}") as file:
                return file.read().strip()

        return self.run(read)

    def close(self) -> None:
        """Let the namespace go."""
        for fd in (self.fd, self.netlink_fd):
            if fd >= 0:
                os.close(fd)
        self.fd = self.netlink_fd = -1

    def __exit__(self, *_: object) -> None:
        self.close()


def _in_thread(work: Callable[[], T]) -> T:
    outcome: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]


def ping(address: str) -> str:
    """Send an ICMP echo request from this thread's namespace; return who answered (RFC 792)."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        sock.settimeout(3)
        body = b"\x00\x07\x00\x01"  # identifier and sequence; type 8 and they add up to 0x0808
        sock.sendto(b"\x08\x00\xf7\xf7" + body, (address, 0))
        while True:
            data, (sender, _) = sock.recvfrom(2048)
            if data[20] == 0 and data[24:28] == body:
                return str(sender)


def talk(server: Namespace, client: Namespace | None, address: str, *, limit_s: float = 3) -> str:
    """Connect by TCP to `address` where `server` listens; return the peer's address as the server sees it.

    `client` None is the test's own namespace.
    """
    listener = server.run(lambda: socket.create_server(("0.0.0.0", 8000)))

    def connect() -> socket.socket:
        return socket.create_connection((address, 8000), timeout=limit_s)

    with listener:
        listener.settimeout(3)
        with connect() if client is None else client.run(connect) as connection:
            accepted, peer = listener.accept()
            with accepted:
                connection.sendall(b"hello")
                accepted.settimeout(3)
                assert accepted.recv(5) == b"hello"
                return str(peer[0])
