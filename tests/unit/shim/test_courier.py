"""A log that is written by a process of its own: in order, whole, and never in the shim's way."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine_kit.patience import eventually
from shim_kit import children
from wharf.shim.log import courier as courier_module
from wharf.shim.log.courier import Courier
from wharf.shim.log.writer import LogWriter
from wharf.shim.loop import Loop


class Collector:
    """Writes to a file what it is given; before the first it waits for the end of a pipe."""

    is_full = False

    def __init__(self, path: Path, gate: int | None) -> None:
        self._file = path.open("ab", buffering=0)
        self._gate = gate

    def write(self, stream: int, data: bytes, moment: int = 0) -> None:
        assert moment
        if self._gate is not None:
            os.read(self._gate, 1)
            self._gate = None
        self._file.write(b"%d:" % stream + data)

    def close(self) -> None:
        self._file.write(b"end")


def collector(path: Path, *, gated: bool = False) -> Callable[[], LogWriter]:
    """Return what opens a collector in the courier's process, which has no descriptor of ours."""
    fifo = path.with_name("gate")
    if not gated:
        return lambda: Collector(path, None)
    return lambda: Collector(path, os.open(fifo, os.O_RDONLY))


def nothing() -> None: ...


def test_everything_arrives_in_order_before_close_returns(tmp_path: Path) -> None:
    out = tmp_path / "out"
    courier = Courier(Loop(), collector(out), buffer=0, on_room=nothing)
    for number in range(1000):
        courier.write(1 + number % 2, b"%d\n" % number)
    courier.close()
    expected = b"".join(b"%d:%d\n" % (1 + number % 2, number) for number in range(1000))
    assert out.read_bytes() == expected + b"end"
    assert children() == []


def test_a_full_queue_holds_up_and_tells_when_there_is_room(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    loop, out = Loop(), tmp_path / "out"
    courier = Courier(loop, collector(out, gated=True), buffer=0, on_room=loop.stop)
    piece = b"x" * 65536
    count = 0
    while not courier.is_full:
        courier.write(1, piece)
        count += 1
        assert count < 100
    (tmp_path / "gate").open("wb").close()
    loop.run()
    courier.close()
    assert out.stat().st_size == count * (len(piece) + 2) + 3


def test_without_blocking_what_does_not_fit_is_dropped(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    out = tmp_path / "out"
    courier = Courier(Loop(), collector(out, gated=True), buffer=200_000, on_room=nothing)
    piece = b"x" * 50_000
    for _ in range(100):
        courier.write(1, piece)
        assert not courier.is_full
    (tmp_path / "gate").open("wb").close()
    courier.close()
    kept, rest = divmod(out.stat().st_size - 3, len(piece) + 2)
    assert rest == 0
    assert 4 <= kept < 20


def test_a_courier_that_is_killed_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier_module, "_AGAIN_S", 0.0)
    out = tmp_path / "out"
    courier = Courier(Loop(), collector(out), buffer=0, on_room=nothing)
    courier.write(1, b"one\n")
    eventually(lambda: out.exists() and out.read_bytes() == b"1:one\n")
    (first,) = children()
    os.kill(first, signal.SIGKILL)
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
    courier.write(1, b"lost\n")
    courier.write(1, b"two\n")
    courier.close()
    assert out.read_bytes() == b"1:one\n1:two\nend"


def test_a_collector_that_is_stuck_delays_the_end_no_longer_than_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier_module, "END_S", 0.05)
    os.mkfifo(tmp_path / "gate")
    courier = Courier(Loop(), collector(tmp_path / "out", gated=True), buffer=0, on_room=nothing)
    courier.write(1, b"never\n")
    begun = time.monotonic()
    courier.close()
    assert time.monotonic() - begun < 10
    assert children() == []
