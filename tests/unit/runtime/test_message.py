"""The channel to a child carries named messages, and refuses anything else."""

import os

import pytest

from wharf.linux import seqpacket
from wharf.linux.seqpacket import ProtocolError
from wharf.runtime.message import (
    Born,
    Channel,
    Failed,
    Message,
    Opened,
    Ready,
    Start,
    Started,
    from_object,
    to_object,
)


@pytest.mark.parametrize(
    "message",
    [
        Born(7),
        Opened(console=True, netlink=False),
        Ready(),
        Start(),
        Started(1),
        Failed("it did not work", "invoke"),
    ],
)
def test_a_message_arrives_as_it_was(message: Message) -> None:
    ours, theirs = Channel.pair()
    ours.send(message)
    assert theirs.receive() == message
    ours.close()
    theirs.close()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"message": "nonsense"},
        {"message": 1},
        {"message": "opened"},
        {"message": "opened", "console": 1, "netlink": False},
        {"message": "ready", "more": 1},
        {"message": "born", "pid": True},
        {"message": "failed", "text": "x"},
        {"message": "failed", "text": None, "kind": "x"},
        {"message": ["ready"]},
    ],
)
def test_anything_else_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ProtocolError):
        from_object(fields)


def test_a_long_text_is_cut_to_fit_a_packet() -> None:
    fields = to_object(Failed("x" * 1_000_000, "internal"))
    assert len(seqpacket.encode(fields)) < 65536


def test_descriptors_come_with_their_message() -> None:
    ours, theirs = Channel.pair()
    reads, writes = os.pipe()
    theirs.send(Opened(console=True, netlink=False), [writes])
    message, fds = ours.receive_with_fds()
    assert message == Opened(console=True, netlink=False)
    os.write(fds[0], b"through")
    assert os.read(reads, 10) == b"through"
    for fd in (reads, writes, *fds):
        os.close(fd)
    ours.close()
    theirs.close()


def test_descriptors_of_a_refused_message_are_closed() -> None:
    ours, theirs = seqpacket.pair()
    before = set(os.listdir("/proc/self/fd"))
    seqpacket.send(theirs, {"message": "nonsense"}, [0, 1, 2])
    with pytest.raises(ProtocolError):
        Channel(ours).receive_with_fds()
    assert set(os.listdir("/proc/self/fd")) == before
    ours.close()
    theirs.close()


def test_the_end_is_none_and_seen_beforehand() -> None:
    ours, theirs = Channel.pair()
    assert not theirs.is_ended()
    ours.close()
    assert theirs.is_ended()
    assert theirs.receive() is None
    theirs.close()
