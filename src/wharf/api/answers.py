"""The answers of the API: dockerd's headers, JSON with a newline behind it, streams that are flushed."""

from collections.abc import AsyncIterable, Callable, Mapping
from typing import Final

from aiohttp import web

from wharf.api.call import Call
from wharf.api.errors import words_of
from wharf.http.answer import Answer
from wharf.schema.struct import encode
from wharf.schema.version import API_VERSION, COMPATIBLE_WITH

SERVER: Final = f"Docker/{COMPATIBLE_WITH} (linux)"

DAEMON_HEADERS: Final = (
    f"Api-Version: {API_VERSION}\r\nDocker-Experimental: false\r\nOstype: linux\r\nServer: {SERVER}\r\n"
).encode("ascii")
"""On every routed answer."""

_JSON: Final = b"Content-Type: application/json\r\n"
_JSON_HEADERS: Final = DAEMON_HEADERS + _JSON

RAW_STREAM: Final = "application/vnd.docker.raw-stream"
MULTIPLEXED_STREAM: Final = "application/vnd.docker.multiplexed-stream"


def json(value: object, status: int = 200) -> Answer:
    """Answer with a document."""
    return Answer(status, _JSON_HEADERS, encode(value) + b"\n")


def empty(status: int = 204) -> Answer:
    """Answer with a status only."""
    return Answer(status, DAEMON_HEADERS)


def error(status: int, body: bytes) -> Answer:
    """Answer with the body of an error; 304 has none."""
    if status == 304:
        return Answer(304, DAEMON_HEADERS)
    return Answer(status, _JSON_HEADERS, body)


def not_routed(body: bytes) -> Answer:
    """Answer where no route is: without the daemon's headers, as dockerd does."""
    return Answer(404, _JSON, body)


def stream_type(call: Call, *, is_tty: bool) -> str:
    """Return the media type of a container's output; versions before 1.42 know only one."""
    return RAW_STREAM if is_tty or call.version < 42 else MULTIPLEXED_STREAM


async def begin(call: Call, content_type: str, more: Mapping[str, str] | None = None) -> web.StreamResponse:
    """Send the head of an answer that goes on, with `more` headers; each `write` is a chunk, sent at once."""
    response = web.StreamResponse(
        headers={
            "Api-Version": API_VERSION,
            "Content-Type": content_type,
            "Docker-Experimental": "false",
            "Ostype": "linux",
            "Server": SERVER,
            **(more or {}),
        }
    )
    await response.prepare(call.http)
    return response


async def pour(
    response: web.StreamResponse, pieces: AsyncIterable[bytes], on_error: Callable[[str], bytes]
) -> web.StreamResponse:
    """Send pieces as they come; an error is told at the end of them, as `on_error` writes its words.

    Raises ConnectionError when the client is gone.
    """
    try:
        async for piece in pieces:
            await response.write(piece)
    except ConnectionError:
        raise
    except Exception as failure:
        await response.write(on_error(words_of(failure)))
    return response
