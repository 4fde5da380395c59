"""Clients: framing, detach keys, slow ones and dead ones."""

import os
import select
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharf.shim.attach import FULL, Client, DetachKeys
from wharf.shim.loop import Loop
from wharf.shim.protocol import Attach

KEYS = b"\x10\x11"


def fed(keys: bytes, *reads: bytes) -> tuple[bytes, bool]:
    """Return what passed of `reads`, and whether the keys were found, which ends the reading."""
    finder = DetachKeys(keys)
    passed = b""
    for read in reads:
        more, found = finder.feed(read)
        passed += more
        if found:
            return passed, True
    return passed, False


@pytest.mark.parametrize(
    ("reads", "outcome"),
    [
        ([b"ab\x10\x11cd"], (b"ab", True)),
        ([b"ab\x10", b"\x11"], (b"ab", True)),
        ([b"ab\x10", b"c"], (b"ab\x10c", False)),
        ([b"\x10", b"\x10", b"\x11"], (b"\x10", True)),
        ([b"\x10"], (b"", False)),
        ([b"\x11\x10"], (b"\x11", False)),
    ],
)
def test_detach_keys_are_found_however_they_are_cut(reads: list[bytes], outcome: tuple[bytes, bool]) -> None:
    assert fed(KEYS, *reads) == outcome


def test_without_keys_everything_passes() -> None:
    assert fed(b"", b"\x10\x11") == (b"\x10\x11", False)


@given(st.binary(max_size=6, min_size=1), st.lists(st.binary(max_size=8), max_size=8))
def test_cutting_never_changes_what_is_found(keys: bytes, reads: list[bytes]) -> None:
    assert fed(keys, *reads) == fed(keys, b"".join(reads))


class Joined:
    """What the client is joined to: notes what it is told."""

    def __init__(self, *, is_full: bool = False) -> None:
        self.input = b""
        self.calls: list[str] = []
        self.is_full = is_full

    def typed(self, data: bytes) -> bool:
        self.input += data
        return not self.is_full

    def input_ended(self, _client: Client) -> None:
        self.calls.append("input ended")

    def detached(self, _client: Client) -> None:
        self.calls.append("detached")

    def drained(self, _client: Client) -> None:
        self.calls.append("drained")

    def gone(self, _client: Client) -> None:
        self.calls.append("gone")


class Rig:
    """A client, its far end, and a loop that is run until nothing is left to do."""

    def __init__(
        self,
        *,
        framed: bool = False,
        stdin: bool = True,
        keys: bytes = b"",
        full: bool = False,
        gate: int = -1,
    ) -> None:
        self.loop = Loop()
        self.joined = Joined(is_full=full)
        self.far, near = socket.socketpair()
        self.far.settimeout(5)
        wants = Attach(stdin=stdin, stdout=True, stderr=True, detach_keys=keys, framed=framed)
        self.client = Client(self.loop, near, wants, self.joined, gate)

    def settle(self) -> None:
        self.loop._stopped = False
        self.loop.later(0.02, self.loop.stop)
        self.loop.run()


@pytest.fixture
def rigs() -> Iterator[list[Rig]]:
    made: list[Rig] = []
    yield made
    for rig in made:
        rig.client.close()
        rig.far.close()


@pytest.fixture
def make(rigs: list[Rig]) -> type[Rig]:
    class Kept(Rig):
        def __init__(self, **options: bool | bytes | int) -> None:
            super().__init__(**options)  # type: ignore[arg-type]  # passed on as they came
            rigs.append(self)

    return Kept


def test_framed_output_has_dockers_header(make: type[Rig]) -> None:
    rig = make(framed=True)
    rig.client.write(1, b"out")
    rig.client.write(2, b"x" * 300)
    assert rig.far.recv(1000) == b"\1\0\0\0\0\0\0\3out" + b"\2\0\0\0\0\0\1\x2c" + b"x" * 300


def test_raw_output_has_none(make: type[Rig]) -> None:
    rig = make()
    rig.client.write(1, b"out")
    assert rig.far.recv(1000) == b"out"


def test_a_slow_client_gets_everything_in_the_end(make: type[Rig]) -> None:
    rig = make(framed=True)
    chunk = b"z" * 65536
    written = 0
    while not rig.client.is_full:
        rig.client.write(1, chunk)
        written += len(chunk) + 8
    rig.client.finish()
    received = bytearray()
    while rig.client.is_open:
        rig.settle()
        received += rig.far.recv(1 << 20)
    while more := rig.far.recv(1 << 20):
        received += more
    assert len(received) == written
    assert bytes(received[-65536:]) == chunk


def test_a_client_is_full_above_1_mib_and_says_when_it_is_no_more(make: type[Rig]) -> None:
    rig = make()
    while not rig.client.is_full:
        rig.client.write(1, b"z" * 65536)
    assert len(rig.client._queue) - 65536 <= FULL < len(rig.client._queue)
    rig.far.recv(1 << 20)
    rig.settle()
    assert rig.joined.calls == ["drained"]


def test_a_client_that_went_away_is_dropped(make: type[Rig]) -> None:
    rig = make()
    rig.far.close()
    rig.client.write(1, b"out")
    assert rig.joined.calls == ["gone"]


def test_a_client_that_does_not_type_is_missed_when_it_goes(make: type[Rig]) -> None:
    rig = make(stdin=False)
    rig.far.close()
    rig.settle()
    assert rig.joined.calls == ["gone"]


def test_a_client_that_does_not_type_may_close_its_side(make: type[Rig]) -> None:
    rig = make(stdin=False)
    rig.far.shutdown(socket.SHUT_WR)
    rig.settle()
    rig.client.write(1, b"out")
    assert rig.far.recv(10) == b"out"
    assert rig.joined.calls == []


def test_input_is_passed_on_and_its_end_told(make: type[Rig]) -> None:
    rig = make()
    rig.far.sendall(b"typed")
    rig.far.shutdown(socket.SHUT_WR)
    rig.settle()
    assert rig.joined.input == b"typed"
    assert rig.joined.calls == ["input ended"]


def test_a_full_container_is_not_typed_to(make: type[Rig]) -> None:
    rig = make(full=True)
    rig.far.sendall(b"one")
    rig.settle()
    rig.far.sendall(b"two")
    rig.settle()
    assert rig.joined.input == b"one"
    rig.joined.is_full = False
    rig.client.resume()
    rig.settle()
    assert rig.joined.input == b"onetwo"


def test_detach_keys_let_the_client_go(make: type[Rig]) -> None:
    rig = make(keys=KEYS)
    rig.far.sendall(b"a\x10")
    rig.settle()
    rig.far.sendall(b"\x11b")
    rig.settle()
    assert rig.joined.input == b"a"
    assert rig.joined.calls == ["detached", "gone"]
    assert rig.far.recv(10) == b""


def test_input_that_nobody_read_does_not_reset_the_connection(make: type[Rig]) -> None:
    rig = make(full=True)
    rig.far.sendall(b"never read")
    rig.client.write(1, b"the end")
    rig.client.finish()
    assert rig.far.recv(100) == b"the end"
    assert rig.far.recv(100) == b""


def test_blocking_sockets_do_not_block(make: type[Rig]) -> None:
    rig = make()
    rig.client._sock.setblocking(True)
    while not rig.client.is_full:
        rig.client.write(1, b"z" * 65536)
    assert rig.client.is_open


def test_behind_its_gate_a_client_is_heard_and_given_nothing(make: type[Rig]) -> None:
    gate, opener = os.pipe()
    rig = make(gate=gate)
    rig.client.write(1, b"later")
    rig.far.sendall(b"typed")
    rig.settle()
    assert rig.joined.input == b"typed"
    assert not select.select([rig.far], [], [], 0)[0]
    os.write(rig.client._sock.fileno(), b"the past ")
    os.close(opener)
    rig.settle()
    assert rig.far.recv(100) == b"the past later"
    rig.client.write(1, b"now")
    assert rig.far.recv(100) == b"now"


def test_a_gated_client_of_a_process_that_ends_gets_all_before_it_is_closed(make: type[Rig]) -> None:
    gate, opener = os.pipe()
    rig = make(gate=gate)
    rig.client.write(1, b"last words")
    rig.client.finish()
    rig.settle()
    assert rig.client.is_open
    os.close(opener)
    rig.settle()
    assert rig.far.recv(100) == b"last words"
    assert rig.far.recv(100) == b""
    assert rig.joined.calls == ["gone"]


def test_a_gated_client_that_goes_takes_its_gate_along(make: type[Rig]) -> None:
    gate, opener = os.pipe()
    rig = make(gate=gate)
    rig.far.close()
    rig.settle()
    assert not rig.client.is_open
    with pytest.raises(BrokenPipeError):
        os.write(opener, b"x")
    os.close(opener)
