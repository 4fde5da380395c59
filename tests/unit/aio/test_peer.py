"""Calls, answers and events over a channel."""

import asyncio
import gc
import os
import socket
from collections.abc import AsyncIterator

import pytest

from wharf import errors
from wharf.aio.channel import Channel
from wharf.aio.peer import Peer
from wharf.linux import seqpacket


class Rig:
    """A peer, the raw other end, and the events the peer was given."""

    def __init__(self) -> None:
        ours, self.other = seqpacket.pair()
        self.other.settimeout(5)
        self.events: list[dict[str, object]] = []
        self.event = asyncio.Event()
        self.peer = Peer(Channel(ours), self.on_event)

    def on_event(self, message: dict[str, object], fds: list[int]) -> None:
        seqpacket.close_all(fds)
        self.events.append(message)
        self.event.set()

    async def request(self) -> dict[str, object]:
        received = await asyncio.to_thread(seqpacket.receive, self.other)
        assert received is not None
        return received[0]


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    async with asyncio.timeout(10):
        yield rig
    await rig.peer.close()
    rig.other.close()


async def test_answers_find_their_calls_in_any_order(rig: Rig) -> None:
    first = asyncio.ensure_future(rig.peer.call("a", x=1))
    second = asyncio.ensure_future(rig.peer.call("b"))
    one, two = await rig.request(), await rig.request()
    assert (one["op"], one["x"], two["op"]) == ("a", 1, "b")
    seqpacket.send(rig.other, {"id": two["id"], "result": {"n": 2}})
    seqpacket.send(rig.other, {"id": one["id"], "result": {"n": 1}})
    assert await first == ({"n": 1}, [])
    assert await second == ({"n": 2}, [])


async def test_an_error_is_raised_as_its_kind_with_its_errno(rig: Rig) -> None:
    call = asyncio.ensure_future(rig.peer.call("a"))
    number = (await rig.request())["id"]
    seqpacket.send(rig.other, {"id": number, "error": {"kind": "Conflict", "message": "taken", "errno": 17}})
    with pytest.raises(errors.Conflict, match=r"^taken$") as caught:
        await call
    assert isinstance(caught.value.__cause__, FileExistsError)


@pytest.mark.parametrize("kind", ["Unheard", "EngineErrorX", "__doc__", None, 3])
async def test_an_unknown_kind_is_internal(rig: Rig, kind: object) -> None:
    call = asyncio.ensure_future(rig.peer.call("a"))
    number = (await rig.request())["id"]
    seqpacket.send(rig.other, {"id": number, "error": {"kind": kind, "message": "what", "errno": None}})
    with pytest.raises(errors.Internal, match=r"^what$"):
        await call


async def test_an_answer_that_is_neither_is_unavailable(rig: Rig) -> None:
    call = asyncio.ensure_future(rig.peer.call("a"))
    seqpacket.send(rig.other, {"id": (await rig.request())["id"], "result": 3})
    with pytest.raises(errors.Unavailable, match="ill-formed answer"):
        await call


async def test_the_end_ends_calls_and_says_so(rig: Rig) -> None:
    call = asyncio.ensure_future(rig.peer.call("a"))
    await rig.request()
    rig.other.close()
    with pytest.raises(errors.Unavailable):
        await call
    assert await rig.peer.closed is None
    with pytest.raises(errors.Unavailable):
        await rig.peer.call("b")


async def test_an_ill_formed_packet_ends_the_channel_with_its_reason(rig: Rig) -> None:
    rig.other.send(b"[]")
    assert isinstance(await rig.peer.closed, seqpacket.ProtocolError)


async def test_events_are_given_in_order(rig: Rig) -> None:
    seqpacket.send(rig.other, {"event": "one"})
    seqpacket.send(rig.other, {"event": "two"})
    rig.other.close()
    await rig.peer.closed
    assert rig.events == [{"event": "one"}, {"event": "two"}]


async def test_the_answer_to_a_cancelled_call_leaks_no_descriptor(rig: Rig) -> None:
    call = asyncio.ensure_future(rig.peer.call("a"))
    number = (await rig.request())["id"]
    call.cancel()
    await asyncio.wait([call])
    gc.collect()  # what other tests have dropped is closed first
    before = set(os.listdir("/proc/self/fd"))
    seqpacket.send(rig.other, {"id": number, "result": {}}, [0, 1])
    seqpacket.send(rig.other, {"event": "after"})
    await rig.event.wait()
    assert set(os.listdir("/proc/self/fd")) == before


async def test_a_descriptor_may_come_with_an_answer(rig: Rig) -> None:
    call = asyncio.ensure_future(rig.peer.call("a"))
    number = (await rig.request())["id"]
    left, right = socket.socketpair()
    with left, right:
        seqpacket.send(rig.other, {"id": number, "result": {}}, [left.fileno()])
        _, (fd,) = await call
        assert os.fstat(fd).st_ino == os.fstat(left.fileno()).st_ino
        os.close(fd)
