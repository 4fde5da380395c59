"""The router of a container's streams: attach, logs, wait.

Attached connections are hijacked: the answer's head is sent here, the rest is between client and shim.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable
from typing import Final, Protocol

from aiohttp import web

from wharf.api import answers
from wharf.api.call import Call, unix_time
from wharf.api.errors import status_of, words_of
from wharf.api.routes import Routes
from wharf.errors import InvalidParameter
from wharf.http import websocket
from wharf.http.answer import REASONS, Raw
from wharf.http.hijack import hijack
from wharf.schema.container import WaitResponse
from wharf.schema.stream import AttachOptions, LogOptions
from wharf.schema.struct import encode

_SYSTEM_ERROR: Final = 3
"""The stream number of a frame that carries the engine's own words."""

_FRAME: Final = struct.Struct(">BxxxL")


class Attachment(Protocol):
    """A client that may join a container's streams."""

    @property
    def is_tty(self) -> bool:
        """Whether they are one raw terminal stream, without frames."""

    async def connect(self, sock: socket.socket, leftover: bytes) -> None:
        """Take the client's connection over; the socket belongs to the engine from here on, even on failure.

        `leftover` are bytes the client has sent that are no longer in the socket.
        """


class LogStream(Protocol):
    """A log on its way to a client: ready pieces of the answer's body, in frames unless `is_tty`."""

    @property
    def is_tty(self) -> bool:
        """Whether it is one raw stream, without frames."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...


class ContainerStreamsBackend(Protocol):
    """What this router needs of the engine."""

    async def attach(self, ref: str, options: AttachOptions) -> Attachment:
        """Check that a client may attach, and how."""

    async def logs(self, ref: str, options: LogOptions) -> LogStream:
        """Check that a log can be read, and open it."""

    async def wait(self, ref: str, condition: str) -> Awaitable[WaitResponse]:
        """Check, and begin to wait: nothing that happens from now on is missed; the result is awaited."""


def upgrade_head(call: Call, *, is_tty: bool, headers: bytes) -> bytes:
    """Return the head that goes before a hijacked stream, with `headers` in it, as dockerd writes it."""
    if "Upgrade" in call.http.headers:
        media = answers.stream_type(call, is_tty=is_tty).encode("ascii")
        start = (
            b"HTTP/1.1 101 UPGRADED\r\nContent-Type: %b\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n" % media
        )
    else:
        start = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
    return start + headers + b"\r\n"


async def join(call: Call, attachment: Attachment, *, headers: bytes = b"") -> web.StreamResponse:
    """Hijack the connection and hand it to the engine."""
    taken = await hijack(call.http, upgrade_head(call, is_tty=attachment.is_tty, headers=headers))
    await _connect(attachment, taken.sock, taken.leftover)
    return Raw()


async def _connect(attachment: Attachment, sock: socket.socket, leftover: bytes) -> None:
    try:
        await attachment.connect(sock, leftover)
    except Exception as error:
        words_of(error)  # the head is sent: nobody can be told, but a bug goes to the log
        sock.close()


def _attach_options(call: Call, *, framed: bool) -> AttachOptions:
    return AttachOptions(
        stdin=call.flag("stdin"),
        stdout=call.flag("stdout"),
        stderr=call.flag("stderr"),
        stream=call.flag("stream"),
        logs=call.flag("logs"),
        detach_keys=call.text("detachKeys"),
        framed=framed,
    )


class _Streams:
    def __init__(self, backend: ContainerStreamsBackend) -> None:
        self._backend = backend

    async def attach(self, call: Call) -> web.StreamResponse:
        try:
            attachment = await self._backend.attach(call.name, _attach_options(call, framed=True))
        except Exception as error:
            return _raw_error(error)
        return await join(call, attachment)

    async def attach_web_socket(self, call: Call) -> web.StreamResponse:
        """Attach through a WebSocket: raw bytes, both outputs in one stream."""
        head = websocket.handshake(call.http.headers)
        if head is None:
            return Raw(b"HTTP/1.1 400 Bad Request\r\n\r\nnot websocket protocol")
        attachment = await self._backend.attach(call.name, _attach_options(call, framed=False))
        taken = await hijack(call.http, head)
        ours, theirs = socket.socketpair()
        kind = websocket.BINARY if call.version >= 28 else websocket.TEXT
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_connect(attachment, theirs, b""))
                tasks.create_task(websocket.bridge(taken.sock, taken.leftover, ours, kind=kind))
        finally:
            for sock in (taken.sock, ours):
                sock.close()
        return Raw()

    async def logs(self, call: Call) -> web.StreamResponse:
        options = _log_options(call)
        if not options.stdout and not options.stderr:
            raise InvalidParameter("Bad parameters: you must choose at least one stream")
        log = await self._backend.logs(call.name, options)
        is_tty = log.is_tty
        call.end_with_client()
        response = await answers.begin(call, answers.stream_type(call, is_tty=is_tty))
        return await answers.pour(response, log, lambda words: _log_error(words, is_tty=is_tty))

    async def wait(self, call: Call) -> web.StreamResponse:
        condition = call.text("condition") or "not-running"
        if call.version < 30:
            condition = "not-running"
        elif condition not in {"not-running", "next-exit", "removed"}:
            raise InvalidParameter(f'invalid condition: "{condition}"')
        waiting = await self._backend.wait(call.name, condition)
        call.end_with_client()
        # The client starts the container once it has seen the head.
        response = await answers.begin(call, "application/json") if call.version >= 30 else None
        result = await waiting
        if response is None:
            return answers.json(result)
        await response.write(encode(result) + b"\n")
        return response


def _log_options(call: Call) -> LogOptions:
    until = call.text("until")
    tail = call.text("tail")
    return LogOptions(
        stdout=call.flag("stdout"),
        stderr=call.flag("stderr"),
        follow=call.flag("follow"),
        since=max(unix_time(call.text("since")) or 0, 0),
        # A time before 1970 leaves nothing; 0 stands for no bound.
        until=0 if until in {"", "0"} else max(unix_time(until) or 0, 1),
        timestamps=call.flag("timestamps"),
        tail=int(tail) if tail.isascii() and tail.isdigit() and len(tail) < 19 else -1,
        details=call.flag("details"),
    )


def _log_error(words: str, *, is_tty: bool) -> bytes:
    """Return what dockerd adds to a log it cannot go on with."""
    text = f"Error grabbing logs: {words}\n".encode()
    return text if is_tty else _FRAME.pack(_SYSTEM_ERROR, len(text)) + text


def _raw_error(error: Exception) -> web.StreamResponse:
    """Return an attach's error as dockerd writes it: on the hijacked connection, as plain words."""
    status = status_of(error)
    head = f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: {answers.RAW_STREAM}\r\n\r\n"
    return Raw(f"{head}{words_of(error)}\r\n".encode())


def routes(backend: ContainerStreamsBackend) -> Routes:
    """Return the operations this router implements with `backend`."""
    streams = _Streams(backend)
    return {
        ("POST", "/containers/{id}/attach"): streams.attach,
        ("GET", "/containers/{id}/attach/ws"): streams.attach_web_socket,
        ("GET", "/containers/{id}/logs"): streams.logs,
        ("POST", "/containers/{id}/wait"): streams.wait,
    }
