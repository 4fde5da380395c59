"""Containers find each other by name, with and without the daemon."""

import os
import signal
import socket
import threading
from pathlib import Path

import pytest

from engine_kit.client import Cli
from engine_kit.engine import OwnEngine
from engine_kit.image import IMAGE
from engine_kit.patience import eventually
from wharf.linux.clone import CloneFlag, setns

pytestmark = pytest.mark.kernel


@pytest.fixture
def cli(own_engine: OwnEngine) -> Cli:
    return own_engine.cli("wharf")


def _keepers(engine: OwnEngine) -> list[int]:
    def name(pid: int) -> str:
        try:
            return Path(f"/proc/{pid}/comm").read_text().strip()
        except (FileNotFoundError, ProcessLookupError):
            return ""

    return [pid for pid in engine.sandbox.processes() if name(pid) == "wharf-keeper"]


def _found(cli: Cli, name: str) -> bool:
    return cli("exec", "wt-a", "ping", "-c", "1", "-W", "2", name).code == 0


def _connects(pid: int, address: str, port: int) -> bytes:
    """Connect in the network namespace of a process; what was said there, nothing where nobody listens."""
    said: list[bytes] = []

    def ask() -> None:
        with open(f"/proc/{pid}/ns/net") as namespace:
            setns(namespace.fileno(), CloneFlag.NEWNET)
        try:
            with socket.create_connection((address, port), timeout=5) as sock:
                said.append(sock.recv(100))
        except OSError:
            said.append(b"")

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return said[0]


def _addresses_inside(pid: int, name: str) -> int:
    """Ask 127.0.0.11 for a name in the network namespace of a process; how many addresses it has."""
    question = b"\0\7\1\0\0\1\0\0\0\0\0\0" + bytes((len(name),)) + name.encode() + b"\0\0\1\0\1"
    answers: list[bytes] = []

    def ask() -> None:
        with open(f"/proc/{pid}/ns/net") as namespace:
            setns(namespace.fileno(), CloneFlag.NEWNET)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(5)
            sock.sendto(question, ("127.0.0.11", 53))
            answers.append(sock.recv(512))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return int.from_bytes(answers[0][6:8], "big")


def test_names_are_answered_whatever_becomes_of_the_daemon_and_the_keeper(
    own_engine: OwnEngine, cli: Cli
) -> None:
    cli("network", "create", "wt-n").ok()
    for name in ("wt-a", "wt-b"):
        cli(
            "run",
            "-d",
            "--name",
            name,
            "--network",
            "wt-n",
            "--network-alias",
            "both",
            IMAGE,
            "sleep",
            "1000",
        ).ok()
    assert _found(cli, "wt-b")
    assert cli("exec", "wt-a", "nslookup", "both").ok().count("Address: ") == 2
    [keeper] = _keepers(own_engine)

    sleeper = int(cli("inspect", "-f", "{{.State.Pid}}", "wt-a").ok())
    own_engine.kill()
    assert _addresses_inside(sleeper, "wt-b") == 1
    own_engine.start()
    assert _keepers(own_engine) == [keeper]
    assert _found(cli, "wt-b")

    os.kill(keeper, signal.SIGKILL)
    eventually(lambda: _found(cli, "wt-b"), what="another keeper to answer")
    cli("rename", "wt-b", "wt-c").ok()
    assert _found(cli, "wt-c")
    assert not _found(cli, "wt-b")
    cli("rm", "-f", "wt-a", "wt-c").ok()
    eventually(lambda: not _keepers(own_engine), what="the keeper to end with the last container")


def test_published_ports_lead_to_their_container_whatever_becomes_of_the_daemon(
    own_engine: OwnEngine, cli: Cli
) -> None:
    cli(
        "run", "-d", "--name", "wt-a", "-p", "18080:80", IMAGE, "nc", "-ll", "-p", "80", "-e", "echo", "hello"
    ).ok()
    host = own_engine.sandbox.pid
    eventually(lambda: _connects(host, "127.0.0.1", 18080) == b"hello\n", what="the server to listen")
    assert _connects(host, "::1", 18080) == b"hello\n"
    own_engine.kill()
    assert _connects(host, "127.0.0.1", 18080) == b"hello\n"
    assert _connects(host, "::1", 18080) == b"hello\n"
    own_engine.start()
    assert cli("port", "wt-a").ok() == "80/tcp -> 0.0.0.0:18080\n80/tcp -> [::]:18080"
    [keeper] = _keepers(own_engine)
    os.kill(keeper, signal.SIGKILL)
    eventually(lambda: _connects(host, "::1", 18080) == b"hello\n", what="another keeper to hold the port")
    cli("rm", "-f", "wt-a").ok()
    assert _connects(host, "127.0.0.1", 18080) == b""
    eventually(lambda: not _keepers(own_engine), what="the keeper to end with the last container")
