"""Hijacking: the answer's head is sent, and the connection itself is handed out as a socket.

The socket is a duplicate of aiohttp's by descriptor (dup(2)): closing aiohttp's transport closes its own
descriptor only and never shuts the connection down, so a client that has closed its half still gets what
comes later. Whoever is given the connection owns it.
"""

import asyncio
import fcntl
import os
import socket
import struct
import termios
import time
from typing import NamedTuple

from aiohttp import web

from wharf.errors import NotImplementedByEngine
from wharf.http.connection import Connection

_PATIENCE_S = 0.1
"""How long a client may take to read the head; one that takes longer has no right to what it loses."""

_PAUSE_S = 0.0003


class HijackedConnection(NamedTuple):
    """A connection that is ours: non-blocking, not inherited over execve(2).

    `leftover` are the bytes that the client sent behind its request and that were already read.
    """

    sock: socket.socket
    leftover: bytes


async def hijack(request: web.BaseRequest, head: bytes) -> HijackedConnection:
    """Send `head`, the answer's head with its empty line, and take the connection out of aiohttp.

    Returns when the client has read the head: docker-py and others lose what they find behind it in the same
    read. The handler then returns an empty `Raw`. Raises ConnectionError when the client is already gone, and
    NotImplementedByEngine on a TLS connection, whose bytes no plain socket could carry.
    """
    transport = request.transport
    connection = request.protocol
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the client is gone")
    if transport.get_extra_info("ssl_object") is not None:
        raise NotImplementedByEngine("attaching over TLS is not supported by this engine yet")
    assert isinstance(connection, Connection), "a server that is not ours"
    transport.pause_reading()
    transport.write(head)
    if transport.get_write_buffer_size():
        # An earlier answer is still on its way; with a high-water mark of 0 drain() waits for all of it.
        transport.set_write_buffer_limits(high=0)
        await request.writer.drain()
        if transport.is_closing():
            raise ConnectionResetError("the client is gone")
    leftover = connection.take_kept()
    shared = transport.get_extra_info("socket")
    sock = socket.socket(fileno=os.dup(shared.fileno()))
    sock.setblocking(False)
    transport.abort()
    await until_read(sock)
    return HijackedConnection(sock, leftover)


async def until_read(sock: socket.socket) -> None:
    """Wait, not for long, until the other side has read all that was sent: ioctl SIOCOUTQ, unix(7), tcp(7).

    On TCP that is until its kernel has it.
    """
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        (unread,) = struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))
        if not unread:
            return
        await asyncio.sleep(_PAUSE_S)
