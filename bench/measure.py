"""What is measured, and how: each measurement drives one engine by the docker CLI or by its API."""

import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from engines import IMAGE, Side


class Measurement(NamedTuple):
    """One row of the table; `better` is the direction of improvement."""

    name: str
    title: str
    unit: str
    better: str
    rounds: int
    take: Callable[[Side], float]


def _milliseconds(side: Side, *words: str) -> float:
    begun = time.perf_counter()
    side.docker(*words)
    return (time.perf_counter() - begun) * 1000


def run_bridge(side: Side) -> float:
    """`docker run --rm`, from the client's start to its end, default network."""
    return _milliseconds(side, "run", "--rm", IMAGE, "true")


def run_none(side: Side) -> float:
    """The same without a network."""
    return _milliseconds(side, "run", "--rm", "--network", "none", IMAGE, "true")


def exec_true(side: Side) -> float:
    """`docker exec` in a container that runs already."""
    name = side.sleeper("wb-exec")
    return _milliseconds(side, "exec", name, "true")


def start_fifty(side: Side) -> float:
    """Fifty containers made and started by ten clients at once, in seconds."""
    names = [f"wb-many-{number}" for number in range(50)]
    begun = time.perf_counter()
    try:
        with ThreadPoolExecutor(10) as clients:
            list(clients.map(lambda name: _sleep(side, name), names))
        return time.perf_counter() - begun
    finally:
        side.remove(names)


def container_memory(side: Side) -> float:
    """PSS of the engine's processes that each of 20 running containers adds, in MiB."""
    names = [f"wb-mem-{number}" for number in range(20)]
    before = side.pss_bytes()
    try:
        for name in names:
            _sleep(side, name)
        return (side.pss_bytes() - before) / len(names) / 2**20
    finally:
        side.remove(names)


def idle_memory(side: Side) -> float:
    """PSS of all the engine's processes with nothing running, in MiB."""
    side.clear()
    return side.pss_bytes() / 2**20


def inspect_rate(side: Side) -> float:
    """GET of one container's inspect, requests a second on one connection."""
    name = side.sleeper("wb-exec")
    return _rate(side.socket_path, f"/v1.44/containers/{name}/json", 1.5)


def list_rate(side: Side) -> float:
    """GET of the list of 50 containers, requests a second on one connection."""
    names = [f"wb-list-{number}" for number in range(50)]
    try:
        with ThreadPoolExecutor(4) as clients:
            list(clients.map(lambda name: side.docker("create", "--name", name, IMAGE, "true"), names))
        return _rate(side.socket_path, "/v1.44/containers/json?all=1", 1.5)
    finally:
        side.remove(names)


def log_flood(side: Side) -> float:
    """MB a second that `yes` gets into the json-file log, over five seconds, in bytes of its own output."""
    name = "wb-flood"
    # Nothing is rotated away meanwhile: what is written is counted by the size of the file.
    bound = ("--log-opt", "max-size=100g")
    side.docker("run", "-d", "--name", name, *bound, IMAGE, "yes", "0123456789abcdef0123456789abcde")
    try:
        path = side.docker("inspect", "-f", "{{.LogPath}}", name).strip()
        begun, before = time.perf_counter(), side.log_bytes(path)
        time.sleep(5)
        written = side.log_bytes(path) - before
        return written / side.log_bytes_a_line(path) * 32 / (time.perf_counter() - begun) / 1e6
    finally:
        side.remove([name])


def logs_read(side: Side) -> float:
    """MB a second that `docker logs` delivers of a log of 100 MB."""
    name = "wb-logs"
    if name not in side.names(name):
        script = "yes 0123456789abcdef0123456789abcde | head -c 100000000"
        side.docker("run", "-d", "--name", name, IMAGE, "sh", "-c", script)
        side.docker("wait", name)
    begun = time.perf_counter()
    with subprocess.Popen(
        side.argv("logs", name), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as client:
        assert client.stdout is not None
        amount = 0
        while piece := os.read(client.stdout.fileno(), 1 << 16):
            amount += len(piece)
    took = time.perf_counter() - begun
    assert amount == 100_000_000, f"{side.name}: {amount} bytes of 100000000 came back"
    return amount / took / 1e6


def _sleep(side: Side, name: str) -> None:
    side.docker("run", "-d", "--name", name, IMAGE, "sleep", "1000")


def _rate(path: str, target: str, seconds: float) -> float:
    request = f"GET {target} HTTP/1.1\r\nHost: engine\r\n\r\n".encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.connect(path)
        _ask(link, request)
        begun, asked = time.perf_counter(), 0
        while time.perf_counter() - begun < seconds:
            _ask(link, request)
            asked += 1
        return asked / (time.perf_counter() - begun)


def _ask(link: socket.socket, request: bytes) -> None:
    """Send a request and read its answer, whichever way its length is told."""
    link.sendall(request)
    data = b""
    while b"\r\n\r\n" not in data:
        data += _receive(link)
    head, _, body = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    if length:
        while len(body) < int(length[1]):
            body += _receive(link)
    else:
        while not body.endswith(b"0\r\n\r\n"):
            body += _receive(link)


def _receive(link: socket.socket) -> bytes:
    piece = link.recv(1 << 18)
    assert piece, "the engine closed the connection"
    return piece


MEASUREMENTS: Sequence[Measurement] = (
    Measurement("run", "`run --rm busybox true`, default bridge", "ms", "less", 15, run_bridge),
    Measurement("run-none", "the same, `--network none`", "ms", "less", 15, run_none),
    Measurement("exec", "`exec C true`", "ms", "less", 20, exec_true),
    Measurement("start-50", "50 containers started by 10 clients", "s", "less", 2, start_fifty),
    Measurement(
        "container-memory", "engine memory per running container", "MiB", "less", 1, container_memory
    ),
    Measurement("idle-memory", "engine memory idle, after the above", "MiB", "less", 1, idle_memory),
    Measurement("inspect", "API: inspect, one connection", "1/s", "more", 3, inspect_rate),
    Measurement("list", "API: list of 50, one connection", "1/s", "more", 2, list_rate),
    Measurement("log-flood", "`yes` into the json-file log", "MB/s", "more", 2, log_flood),
    Measurement("logs", "`logs` of 100 MB", "MB/s", "more", 2, logs_read),
)
