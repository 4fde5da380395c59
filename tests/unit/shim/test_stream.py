"""The container's ends of its streams."""

import os
import socket

import pytest

from wharf.shim.loop import Loop
from wharf.shim.protocol import Attach
from wharf.shim.stdio import Streams
from wharf.shim.stream import Input, Output


def settle(loop: Loop) -> None:
    loop._stopped = False
    loop.later(0.02, loop.stop)
    loop.run()


class Log:
    def __init__(self) -> None:
        self.written: list[tuple[int, bytes]] = []
        self.is_full = False

    def write(self, stream: int, data: bytes, moment: int = 0) -> None:
        del moment
        self.written.append((stream, data))

    def close(self) -> None: ...


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def pipe() -> tuple[int, int]:
    return os.pipe()


def test_output_is_logged_to_its_end(loop: Loop, pipe: tuple[int, int]) -> None:
    log, ends = Log(), list[str]()
    output = Output(loop, pipe[0], 2, log, lambda: ends.append("end"))
    os.write(pipe[1], b"one\n")
    settle(loop)
    assert (log.written, output.is_ended) == ([(2, b"one\n")], False)
    os.close(pipe[1])
    settle(loop)
    assert (ends, output.is_ended) == (["end"], True)


def test_a_terminal_ends_when_nobody_has_it_open(loop: Loop) -> None:
    master, terminal = os.openpty()
    log, ends = Log(), list[str]()
    Output(loop, master, 1, log, lambda: ends.append("end"))
    os.write(terminal, b"text\n")
    os.close(terminal)
    settle(loop)
    assert b"".join(data for _, data in log.written) == b"text\r\n"
    assert ends == ["end"]


def test_draining_takes_what_is_there_and_does_not_wait(loop: Loop, pipe: tuple[int, int]) -> None:
    log = Log()
    output = Output(loop, pipe[0], 1, log, lambda: None)
    os.set_blocking(pipe[1], False)
    sent = os.write(pipe[1], b"x" * 200_000)
    output.drain()
    assert sum(len(data) for _, data in log.written) == sent
    assert not output.is_ended
    output.close()
    os.close(pipe[1])


def test_input_waits_for_the_container_and_then_ends(loop: Loop, pipe: tuple[int, int]) -> None:
    calls: list[str] = []
    data = os.urandom(300_000)
    stdin = Input(loop, pipe[1], lambda: calls.append("drained"))
    stdin.write(data)
    stdin.write(b"more")
    stdin.end()
    assert stdin.is_full
    received = b""
    while len(received) < len(data) + 4:
        settle(loop)
        received += os.read(pipe[0], 1 << 20)
    settle(loop)
    assert received == data + b"more"
    assert calls == ["drained"]
    assert os.read(pipe[0], 10) == b""
    os.close(pipe[0])


def test_a_container_that_closed_its_stdin_loses_input_only(loop: Loop, pipe: tuple[int, int]) -> None:
    stdin = Input(loop, pipe[1], lambda: None)
    os.close(pipe[0])
    stdin.write(b"x")
    stdin.write(b"y")
    assert not stdin.is_full
    stdin.end()


def test_a_container_that_closes_its_stdin_late_frees_its_clients(loop: Loop, pipe: tuple[int, int]) -> None:
    calls: list[str] = []
    stdin = Input(loop, pipe[1], lambda: calls.append("drained"))
    stdin.write(b"x" * 300_000)
    os.close(pipe[0])
    settle(loop)
    assert calls == ["drained"]
    assert not stdin.is_full


def test_a_full_client_stops_the_reading_and_a_gone_one_starts_it_again(loop: Loop) -> None:
    out_r, out_w = os.pipe()
    err_r, err_w = os.pipe()
    streams = Streams(loop, on_end=lambda: None, on_detach=lambda: None, on_settled=lambda: None)
    streams.use([out_r, err_r], console=False)
    far, near = socket.socketpair()
    streams.attach(near, Attach(stdin=False, stdout=True, stderr=True, detach_keys=b"", framed=True))
    os.set_blocking(out_w, False)
    total = 0
    while True:
        try:
            total += os.write(out_w, b"x" * 65536)
        except BlockingIOError:
            before = total
            settle(loop)
            try:
                total += os.write(out_w, b"x" * 65536)
            except BlockingIOError:
                break
            assert total > before
    assert total < 4 << 20
    far.close()
    settle(loop)
    assert os.write(out_w, b"x" * 65536) > 0
    streams.close()
    os.close(out_w)
    os.close(err_w)
