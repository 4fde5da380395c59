"""Attaching through the API: the past, the past and the present, WebSockets, more than one client."""

import contextlib
import os
import socket
import struct
from collections.abc import Iterator

import pytest

from engine_kit.client import Cli, say
from engine_kit.engine import Engine, OwnEngine
from engine_kit.image import IMAGE
from engine_kit.patience import LIMIT_S, eventually


class Stream:
    """A connection that was taken over."""

    def __init__(self, engine: Engine, request: str, *headers: str) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(LIMIT_S)
        self.sock.connect(engine.host.removeprefix("unix://"))
        self.sock.sendall("\r\n".join((f"{request} HTTP/1.1", "Host: d", *headers, "", "")).encode())
        self.file = self.sock.makefile("rb")
        self.head = b""
        while not self.head.endswith(b"\r\n\r\n"):
            self.head += self.file.readline()

    def frame(self) -> tuple[int, bytes]:
        """Return the next frame; stream 0 at the end."""
        head = self.file.read(8)
        if not head:
            return 0, b""
        stream, size = struct.unpack(">BxxxL", head)
        return stream, self.file.read(size)

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """Give the frames to the end."""
        while (frame := self.frame())[0]:
            yield frame

    def close(self) -> None:
        self.file.close()
        self.sock.close()


@contextlib.contextmanager
def attached(engine: Engine, name: str, query: str, version: str = "v1.51") -> Iterator[Stream]:
    headers = ("Connection: Upgrade", "Upgrade: tcp")
    stream = Stream(engine, f"POST /{version}/containers/{name}/attach?{query}", *headers)
    try:
        yield stream
    finally:
        stream.close()


@contextlib.contextmanager
def web_socket(engine: Engine, name: str, query: str) -> Iterator[Stream]:
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    headers = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", key)
    stream = Stream(engine, f"GET /v1.51/containers/{name}/attach/ws?{query}", *headers, "Origin: http://d")
    try:
        yield stream
    finally:
        stream.close()


@pytest.fixture
def own_cli(engine: Engine) -> Cli:
    return engine.cli("wharf")


def test_the_past_alone_is_replayed_and_ends(engine: Engine, own_cli: Cli) -> None:
    own_cli(
        "run", "-d", "--name", "wt-past", IMAGE, "sh", "-c", "echo out; sleep 0.01; echo err >&2; sleep 1000"
    ).ok()
    eventually(lambda: own_cli("logs", "wt-past").err == "err\n")
    with attached(engine, "wt-past", "logs=1&stdout=1&stderr=1") as stream:
        assert b"application/vnd.docker.multiplexed-stream" in stream.head
        assert list(stream.frames()) == [(1, b"out\n"), (2, b"err\n")]
    with attached(engine, "wt-past", "logs=1&stderr=1") as stream:
        assert list(stream.frames()) == [(2, b"err\n")]


def test_neither_past_nor_present_is_nothing(engine: Engine, own_cli: Cli) -> None:
    own_cli("run", "-d", "--name", "wt-no", IMAGE, "sh", "-c", "echo out; sleep 1000").ok()
    with attached(engine, "wt-no", "stdout=1") as stream:
        assert stream.file.read() == b""


def test_a_container_that_has_ended_still_has_a_past(engine: Engine, own_cli: Cli) -> None:
    own_cli("run", "--name", "wt-over", IMAGE, "echo", "out").ok()
    with attached(engine, "wt-over", "logs=1&stdout=1") as stream:
        assert list(stream.frames()) == [(1, b"out\n")]


def test_nothing_is_lost_or_seen_twice_between_past_and_present(engine: Engine, own_cli: Cli) -> None:
    script = "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); echo $i; done"
    own_cli("run", "-d", "--name", "wt-seam", IMAGE, "sh", "-c", script).ok()
    eventually(lambda: own_cli("logs", "-n", "1", "wt-seam").out)
    with attached(engine, "wt-seam", "logs=1&stream=1&stdout=1&stderr=1") as stream:
        seen = b"".join(data for _, data in stream.frames()).split()
    assert seen == [b"%d" % number for number in range(1, 30001)]


def test_the_past_comes_before_the_start_too(engine: Engine, own_cli: Cli) -> None:
    own_cli("run", "--name", "wt-again", IMAGE, "sh", "-c", "echo run").ok()
    with attached(engine, "wt-again", "logs=1&stream=1&stdout=1") as stream:
        assert stream.frame() == (1, b"run\n")
        own_cli("start", "wt-again").ok()
        assert list(stream.frames()) == [(1, b"run\n")]


def test_a_log_that_is_nowhere_has_no_past(engine: Engine, own_cli: Cli) -> None:
    own_cli("run", "-d", "--log-driver", "none", "--name", "wt-nolog", IMAGE, "sleep", "1000").ok()
    with attached(engine, "wt-nolog", "logs=1&stdout=1") as stream:
        assert stream.head.startswith((b"HTTP/1.1 501", b"HTTP/1.1 101"))
        assert b"does not support reading" in stream.file.read()


def test_a_web_socket_carries_both_ways(engine: Engine, own_cli: Cli) -> None:
    own_cli("run", "-di", "--name", "wt-ws", IMAGE, "sh", "-c", "echo past; read x; echo got $x; exit 3").ok()
    eventually(lambda: own_cli("logs", "wt-ws").out)
    with web_socket(engine, "wt-ws", "logs=1&stream=1&stdin=1&stdout=1") as stream:
        assert stream.head.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
        assert stream.file.read(7) == b"\x82\x05past\n"
        stream.sock.sendall(b"\x82\x84abcd" + bytes(byte ^ b"abcd"[at] for at, byte in enumerate(b"hey\n")))
        assert stream.file.read(10) == b"\x82\x08got hey\n"
        assert stream.file.read() == b"\x88\x02\x03\xe8"
    assert own_cli("wait", "wt-ws").ok() == "3"


def test_a_web_socket_needs_its_handshake_and_a_container(engine: Engine, own_cli: Cli) -> None:
    own_cli("run", "-d", "--name", "wt-plain", IMAGE, "sleep", "1000").ok()
    plain = Stream(engine, "GET /v1.51/containers/wt-plain/attach/ws?stream=1")
    assert plain.head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert plain.file.read() == b"not websocket protocol"
    plain.close()
    with web_socket(engine, "wt-nobody", "stream=1") as stream:
        assert stream.head.startswith(b"HTTP/1.1 404 ")


def test_who_does_not_read_holds_up_the_container_and_not_the_engine(engine: Engine, own_cli: Cli) -> None:
    own_cli("run", "-di", "--name", "wt-slow", IMAGE, "sh", "-c", "read go; seq 400000; echo end >&2").ok()
    with attached(engine, "wt-slow", "stream=1&stdin=1&stdout=1&stderr=1") as stream:
        stream.sock.sendall(b"go\n")
        with own_cli.piped("logs", "-f", "wt-slow") as follower:
            assert follower.stdout is not None
            assert follower.stdout.readline() == b"1\n"
        seen = [data for stream_number, data in stream.frames() if stream_number == 1]
    assert b"".join(seen).split()[-1] == b"400000"


def test_clients_come_and_go_and_the_container_stays(own_engine: OwnEngine, own_cli: Cli) -> None:
    script = "while read line; do echo $line; done"
    own_cli("run", "-di", "--name", "wt-many", IMAGE, "sh", "-c", script).ok()
    with contextlib.ExitStack() as stack:
        watchers = [
            stack.enter_context(attached(own_engine, "wt-many", "stream=1&stdout=1")) for _ in range(5)
        ]
        with own_cli.piped("attach", "--sig-proxy=false", "wt-many") as typist:
            say(typist, b"one\n")
            assert [watcher.frame() for watcher in watchers] == [(1, b"one\n")] * 5
            watchers[0].close()
            say(typist, b"two\n")
            assert [watcher.frame() for watcher in watchers[1:]] == [(1, b"two\n")] * 4
            own_engine.kill()
            say(typist, b"three\n")
            assert [watcher.frame() for watcher in watchers[1:]] == [(1, b"three\n")] * 4
            own_engine.start()
            with attached(own_engine, "wt-many", "logs=1&stream=1&stdout=1") as late:
                assert [late.frame() for _ in range(3)] == [(1, b"one\n"), (1, b"two\n"), (1, b"three\n")]
                say(typist, b"four\n")
                assert late.frame() == (1, b"four\n")
            typist.kill()
            typist.wait(timeout=LIMIT_S)
    assert own_cli("inspect", "-f", "{{.State.Running}}", "wt-many").ok() == "true"


def test_a_hundred_megabytes_go_both_ways_and_leave_the_shim_small(
    own_engine: OwnEngine, own_cli: Cli
) -> None:
    def shim_kib(pid: int) -> int:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))

    own_cli("run", "-di", "--log-driver", "local", "--name", "wt-big", IMAGE, "cat").ok()
    init = int(own_cli("inspect", "-f", "{{.State.Pid}}", "wt-big").ok())
    with open(f"/proc/{init}/stat", encoding="ascii") as file:
        shim = int(file.read().rpartition(")")[2].split()[1])
    before = shim_kib(shim)
    piece = os.urandom(1 << 20)
    with attached(own_engine, "wt-big", "stream=1&stdin=1&stdout=1") as stream:
        child = os.fork()
        if child == 0:
            for _ in range(100):
                stream.sock.sendall(piece)
            os._exit(0)
        waiting = b""
        for _ in range(100):
            while len(waiting) < len(piece):
                waiting += stream.frame()[1]
            assert waiting[: len(piece)] == piece
            waiting = waiting[len(piece) :]
        os.waitpid(child, 0)
        assert waiting == b""
        assert shim_kib(shim) < before + 4096
