"""Packets between our processes: their limits, and what is refused."""

import array
import contextlib
import errno
import fcntl
import gc
import json
import os
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wharf import limits
from wharf.linux import seqpacket

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def ends() -> Iterator[Pair]:
    a, b = seqpacket.pair()
    a.settimeout(5)
    b.settimeout(5)
    with a, b:
        yield a, b


def open_fds() -> set[str]:
    """Return what is open; what other tests have dropped is closed first."""
    gc.collect()
    return set(os.listdir("/proc/self/fd"))


def test_who_goes_without_having_read_is_heard_to_the_end(ends: Pair) -> None:
    ours, theirs = ends
    seqpacket.send(ours, {"n": 1})
    seqpacket.send(theirs, {"last": "words"})
    theirs.close()
    assert seqpacket.receive(ours) == ({"last": "words"}, [])
    assert seqpacket.receive(ours) is None


def message_of_size(size: int) -> dict[str, object]:
    empty = len(seqpacket.encode({"text": ""}))
    return {"text": "x" * (size - empty)}


def test_a_message_arrives_as_it_was_sent(ends: Pair) -> None:
    message: dict[str, object] = {"id": 1, "op": "é\udc80\n", "list": [1, None, {"a": True}]}
    seqpacket.send(ends[0], message)
    assert seqpacket.receive(ends[1]) == (message, [])


def test_descriptors_arrive_close_on_exec(ends: Pair) -> None:
    r, w = os.pipe()
    seqpacket.send(ends[0], {}, [w])
    os.close(w)
    received = seqpacket.receive(ends[1])
    assert received is not None
    (copy,) = received[1]
    assert fcntl.fcntl(copy, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
    os.write(copy, b"through")
    os.close(copy)
    assert os.read(r, 100) == b"through"
    os.close(r)


def test_the_end_is_none(ends: Pair) -> None:
    ends[0].close()
    assert seqpacket.receive(ends[1]) is None


def test_a_packet_of_64_kib_passes(ends: Pair) -> None:
    message = message_of_size(limits.PACKET)
    seqpacket.send(ends[0], message)
    assert seqpacket.receive(ends[1]) == (message, [])


def test_a_packet_of_64_kib_and_one_byte_is_not_sent(ends: Pair) -> None:
    with pytest.raises(OSError, match="at most 65536 fit") as caught:
        seqpacket.send(ends[0], message_of_size(limits.PACKET + 1))
    assert caught.value.errno == errno.EMSGSIZE


def test_a_packet_of_64_kib_and_one_byte_is_refused_when_it_comes(ends: Pair) -> None:
    packet = json.dumps({"text": "x" * limits.PACKET}).encode()[: limits.PACKET + 1]
    ends[0].send(packet)
    with pytest.raises(seqpacket.ProtocolError, match="more than 65536 bytes"):
        seqpacket.receive(ends[1])


def test_16_descriptors_pass(ends: Pair) -> None:
    seqpacket.send(ends[0], {}, [0] * limits.PACKET_FDS)
    received = seqpacket.receive(ends[1])
    assert received is not None
    assert len(received[1]) == limits.PACKET_FDS
    seqpacket.close_all(received[1])


def test_17_descriptors_are_not_sent(ends: Pair) -> None:
    with pytest.raises(OSError, match="17 descriptors, at most 16"):
        seqpacket.send(ends[0], {}, [0] * 17)


def test_17_descriptors_are_refused_when_they_come_and_none_stays_open(ends: Pair) -> None:
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0] * 17))
    ends[0].sendmsg([b"{}"], [rights])
    before = open_fds()
    with pytest.raises(seqpacket.ProtocolError, match="more than 16 descriptors"):
        seqpacket.receive(ends[1])
    assert open_fds() == before


@pytest.mark.parametrize(
    "packet",
    [
        b"[]",
        b"null",
        b"3",
        b"{",
        b"\xff\xfe{\x00}\x00",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": "\xff"}',
        b"[" * 60000,
        b'{"a": ' + b"1" * 60000 + b"}",
        b"\x80\x04}\x94.",
    ],
    ids=["list", "null", "number", "cut", "utf16", "nan", "infinity", "latin1", "deep", "bignum", "pickle"],
)
def test_what_is_not_a_json_object_is_refused(ends: Pair, packet: bytes) -> None:
    ends[0].sendmsg([packet], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0]))])
    before = open_fds()
    with pytest.raises(seqpacket.ProtocolError, match="ill-formed"):
        seqpacket.receive(ends[1])
    assert open_fds() == before


@settings(max_examples=300)
@given(st.binary(max_size=300))
def test_no_bytes_do_more_than_be_refused(data: bytes) -> None:
    with contextlib.suppress(seqpacket.ProtocolError):
        assert isinstance(seqpacket.decode(data), dict)
