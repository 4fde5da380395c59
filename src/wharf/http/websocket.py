"""The server's end of a WebSocket (RFC 6455) over a hijacked connection: raw bytes in and out.

What a client sends, in frames of any size and kind, is one stream of bytes; what it is sent goes in frames as
it comes. Extensions and subprotocols are never agreed on.
"""

import asyncio
import base64
import hashlib
import socket
from collections.abc import AsyncIterator, Mapping
from typing import Final

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_PIECE: Final = 64 * 1024
_CONTROL: Final = 125
"""The most that a control frame may hold."""

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10

NORMAL: Final = (1000).to_bytes(2, "big")
PROTOCOL_ERROR: Final = (1002).to_bytes(2, "big")


def handshake(headers: Mapping[str, str]) -> bytes | None:
    """Return the head of the answer to an opening handshake; None where the request is none."""
    key = headers.get("Sec-WebSocket-Key", "")
    tokens = {token.strip().lower() for token in headers.get("Connection", "").split(",")}
    if headers.get("Upgrade", "").lower() != "websocket" or "upgrade" not in tokens or not key:
        return None
    if headers.get("Sec-WebSocket-Version") != "13":
        return None
    accept = base64.b64encode(hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept
    )


def frame(kind: int, data: bytes) -> bytes:
    """Return a whole frame as a server sends it: not masked."""
    size = len(data)
    if size <= _CONTROL:
        head = bytes((0x80 | kind, size))
    elif size < 1 << 16:
        head = bytes((0x80 | kind, 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | kind, 127)) + size.to_bytes(8, "big")
    return head + data


def unmask(data: bytes, key: bytes, offset: int) -> bytes:
    """Return what a client has masked; `offset` is where in its frame `data` stands."""
    size = len(data)
    turn = offset % 4
    mask = (key[turn:] + key[:turn]) * (size // 4 + 1)
    return (int.from_bytes(data, "big") ^ int.from_bytes(mask[:size], "big")).to_bytes(size, "big")


class BrokenFrame(Exception):
    """The client does not keep to the protocol."""


class WebSocket:
    """One connection, whose handshake is done; owns `sock`. `kind` is the kind of the frames it sends."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kind: int) -> None:
        self._reader = reader
        self._writer = writer
        self._kind = kind

    async def received(self) -> AsyncIterator[bytes]:
        """Give what the client sends, until it closes; answers its pings. Raises BrokenFrame."""
        while True:
            first, second = await self._reader.readexactly(2)
            kind, size = first & 0x0F, second & 0x7F
            if first & 0x70 or not second & 0x80:
                raise BrokenFrame
            if size > _CONTROL:
                size = int.from_bytes(await self._reader.readexactly(2 if size == 126 else 8), "big")
            key = await self._reader.readexactly(4)
            if kind in {CONTINUATION, TEXT, BINARY}:
                offset = 0
                while offset < size:
                    piece = await self._reader.read(min(_PIECE, size - offset))
                    if not piece:
                        return
                    yield unmask(piece, key, offset)
                    offset += len(piece)
                continue
            if size > _CONTROL:
                raise BrokenFrame
            data = unmask(await self._reader.readexactly(size), key, 0)
            if kind == PING:
                self._writer.write(frame(PONG, data))
            elif kind == CLOSE:
                self.say_goodbye(data[:2])
                return
            elif kind != PONG:
                raise BrokenFrame

    async def send(self, data: bytes) -> None:
        """Send a frame; waits for a slow client."""
        self._writer.write(frame(self._kind, data))
        await self._writer.drain()

    def say_goodbye(self, code: bytes) -> None:
        """Tell the client that this is the end, and why."""
        if not self._writer.is_closing():
            self._writer.write(frame(CLOSE, code))


async def bridge(client: socket.socket, early: bytes, other: socket.socket, *, kind: int) -> None:
    """Carry bytes between a WebSocket's connection and a plain stream, both ours, until either ends.

    `early` is what the client had sent behind its handshake.
    """
    reader, writer = await asyncio.open_connection(sock=client)
    reader.feed_data(early)
    inner_reader, inner_writer = await asyncio.open_unix_connection(sock=other)
    web = WebSocket(reader, writer, kind)

    async def inwards() -> None:
        try:
            async for piece in web.received():
                inner_writer.write(piece)
                await inner_writer.drain()
        except BrokenFrame:
            web.say_goodbye(PROTOCOL_ERROR)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # it went without a word
        if inner_writer.can_write_eof() and not inner_writer.is_closing():
            inner_writer.write_eof()

    async def outwards() -> None:
        try:
            while data := await inner_reader.read(_PIECE):
                await web.send(data)
            web.say_goodbye(NORMAL)
        except ConnectionError:
            return

    tasks = [asyncio.ensure_future(inwards()), asyncio.ensure_future(outwards())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        writer.close()
        inner_writer.close()
