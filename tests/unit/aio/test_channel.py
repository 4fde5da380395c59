"""Packets on the event loop."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from wharf.aio.channel import Channel
from wharf.linux import seqpacket

Ends = tuple[Channel, Channel]


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    a, b = (Channel(sock) for sock in seqpacket.pair())
    async with asyncio.timeout(10):
        yield a, b
    a.close()
    b.close()


async def test_a_message_and_its_descriptor_arrive(ends: Ends) -> None:
    r, w = os.pipe()
    await ends[0].send({"a": 1}, [w])
    received = await ends[1].receive()
    assert received is not None
    message, (copy,) = received
    assert message == {"a": 1}
    assert os.fstat(copy).st_ino == os.fstat(w).st_ino
    for fd in (r, w, copy):
        os.close(fd)


async def test_a_full_channel_makes_senders_wait_and_keeps_their_order(ends: Ends) -> None:
    count = 100
    text = "x" * 30000
    sending = [asyncio.ensure_future(ends[0].send({"n": n, "text": text})) for n in range(count)]
    await asyncio.sleep(0)
    assert not sending[-1].done()
    numbers = []
    for _ in range(count):
        received = await ends[1].receive()
        assert received is not None
        numbers.append(received[0]["n"])
    await asyncio.gather(*sending)
    assert numbers == list(range(count))


async def test_closing_wakes_who_waits_here(ends: Ends) -> None:
    waiting = asyncio.ensure_future(ends[0].receive())
    await asyncio.sleep(0)
    ends[0].close()
    with pytest.raises(ConnectionAbortedError):
        await waiting


async def test_the_other_side_closing_is_the_end(ends: Ends) -> None:
    waiting = asyncio.ensure_future(ends[0].receive())
    await asyncio.sleep(0)
    ends[1].close()
    assert await waiting is None


async def test_sending_to_nobody_is_a_broken_pipe(ends: Ends) -> None:
    ends[1].close()
    with pytest.raises(BrokenPipeError):
        await ends[0].send({})


async def test_listening_gives_messages_then_one_end(ends: Ends) -> None:
    seen: list[object] = []
    over = asyncio.get_running_loop().create_future()
    ends[1].listen(lambda message, _fds: seen.append(message), over.set_result)
    await ends[0].send({"n": 1})
    await ends[0].send({"n": 2})
    ends[0].close()
    assert await over is None
    assert seen == [{"n": 1}, {"n": 2}]


async def test_a_cancelled_receiver_leaves_the_channel_usable(ends: Ends) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await ends[1].receive()
    await ends[0].send({"n": 1})
    assert await ends[1].receive() == ({"n": 1}, [])


async def test_a_socket_with_a_long_path_can_be_reached(tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 100) / ("e" * 100)
    folder.mkdir(parents=True)
    fd = os.open(folder, os.O_PATH)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.bind(f"/proc/self/fd/{fd}/sock")
        os.close(fd)
        server.listen()
        channel = await Channel.connect(str(folder / "sock"))
        other, _ = server.accept()
    with other:
        await channel.send({"hello": True})
        assert seqpacket.receive(other) == ({"hello": True}, [])
    channel.close()


async def test_a_socket_nobody_listens_on_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await Channel.connect(str(tmp_path / "sock"))
