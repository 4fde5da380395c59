"""The server's end of a WebSocket, against a client written from RFC 6455 alone."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator

import pytest

from wharf.http import websocket
from wharf.http.websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, bridge, handshake

LIMIT_S = 20.0
UPGRADE = {
    "Connection": "keep-alive, Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def masked(kind: int, data: bytes, *, final: bool = True, key: bytes = b"\x01\x80\xffz") -> bytes:
    """Return a client's frame, masked byte by byte (section 5.3)."""
    size = len(data)
    if size < 126:
        head = bytes((kind | 0x80 * final, 0x80 | size))
    elif size < 65536:
        head = bytes((kind | 0x80 * final, 0x80 | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((kind | 0x80 * final, 0x80 | 127)) + size.to_bytes(8, "big")
    return head + key + bytes(byte ^ key[at % 4] for at, byte in enumerate(data))


class Ends:
    """A bridge between `client`, who speaks frames, and `inner`, who speaks bytes."""

    def __init__(self, kind: int, early: bytes) -> None:
        self.client, theirs = socket.socketpair()
        self.inner, ours = socket.socketpair()
        for sock in (self.client, self.inner, theirs, ours):
            sock.setblocking(False)
        self.task = asyncio.ensure_future(bridge(theirs, early, ours, kind=kind))
        self._loop = asyncio.get_running_loop()

    async def say(self, data: bytes) -> None:
        await self._loop.sock_sendall(self.client, data)

    async def read(self, sock: socket.socket, size: int) -> bytes:
        data = b""
        async with asyncio.timeout(LIMIT_S):
            while len(data) < size and (piece := await self._loop.sock_recv(sock, size - len(data))):
                data += piece
        return data


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    made = Ends(BINARY, b"")
    yield made
    made.client.close()
    made.inner.close()
    async with asyncio.timeout(LIMIT_S):
        await made.task


def test_the_handshake_is_the_one_of_the_rfc() -> None:
    head = handshake(UPGRADE)
    assert head is not None
    assert head.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head


@pytest.mark.parametrize("missing", UPGRADE)
def test_what_is_no_handshake_is_none(missing: str) -> None:
    assert handshake({name: value for name, value in UPGRADE.items() if name != missing}) is None


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 300_001])
async def test_frames_of_any_size_are_carried_both_ways(ends: Ends, size: int) -> None:
    data = os.urandom(size)
    sending = asyncio.ensure_future(ends.say(masked(BINARY, data)))
    assert await ends.read(ends.inner, size) == data
    await sending
    if size and size <= 65536:
        ends.inner.send(data)
        got = b""
        while len(got) < size:
            first, second = await ends.read(ends.client, 2)
            assert first == 0x80 | BINARY
            length = second
            if second > 125:
                length = int.from_bytes(await ends.read(ends.client, 2 if second == 126 else 8), "big")
            got += await ends.read(ends.client, length)
        assert got == data


async def test_pieces_of_a_message_and_texts_are_one_stream(ends: Ends) -> None:
    frames = masked(TEXT, b"one ", final=False) + masked(PING, b"there?") + masked(CONTINUATION, b"two ")
    await ends.say(frames + masked(BINARY, b"three"))
    assert await ends.read(ends.inner, 13) == b"one two three"
    assert await ends.read(ends.client, 8) == bytes((0x80 | PONG, 6)) + b"there?"


async def test_what_came_with_the_handshake_is_not_lost() -> None:
    made = Ends(TEXT, masked(BINARY, b"early"))
    assert await made.read(made.inner, 5) == b"early"
    made.inner.send(b"text")
    assert await made.read(made.client, 6) == bytes((0x80 | TEXT, 4)) + b"text"
    made.inner.close()
    assert await made.read(made.client, 4) == bytes((0x80 | CLOSE, 2)) + (1000).to_bytes(2, "big")
    assert await made.read(made.client, 1) == b""
    made.client.close()
    await made.task


async def test_a_client_that_closes_ends_the_input_and_is_answered(ends: Ends) -> None:
    await ends.say(masked(CLOSE, (1001).to_bytes(2, "big") + b"bye"))
    assert await ends.read(ends.client, 4) == bytes((0x80 | CLOSE, 2)) + (1001).to_bytes(2, "big")
    assert await ends.read(ends.inner, 1) == b""


@pytest.mark.parametrize(
    "wrong",
    [
        bytes((0x80 | BINARY, 1)) + b"x",  # not masked
        masked(BINARY | 0x40, b"x"),  # a reserved bit
        masked(11, b"x"),  # an unknown kind
        masked(PING, b"x" * 126),  # a long control frame
    ],
)
async def test_a_client_that_breaks_the_rules_is_told_so(ends: Ends, wrong: bytes) -> None:
    await ends.say(wrong)
    assert await ends.read(ends.client, 4) == bytes((0x80 | CLOSE, 2)) + websocket.PROTOCOL_ERROR
    assert await ends.read(ends.inner, 1) == b""


async def test_a_client_that_goes_without_a_word_ends_the_input(ends: Ends) -> None:
    ends.client.close()
    assert await ends.read(ends.inner, 1) == b""
