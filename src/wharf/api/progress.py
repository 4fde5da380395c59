"""Progress streams: one JSON document a line while something long goes on (load, import, pull)."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from aiohttp import web

from wharf.api import answers
from wharf.api.call import Call
from wharf.api.errors import words_of
from wharf.schema.image import ErrorDetail, Progress
from wharf.schema.struct import encode

Report = Callable[[Progress], None]
"""Takes one line; never blocks."""


async def stream(
    call: Call, work: Callable[[Report], Awaitable[object]], *, is_eager: bool = False
) -> web.StreamResponse:
    """Run `work`, sending what it reports; its failure is the last line.

    A failure before the first line is raised, for there is still time for a status; an eager stream has
    sent its head by then. The work goes on to its end even where the client goes away.
    """
    lines: asyncio.Queue[Progress | None] = asyncio.Queue()
    task = asyncio.ensure_future(work(lines.put_nowait))
    task.add_done_callback(lambda _: lines.put_nowait(None))
    # Nothing may come before the "100 Continue" that such a client waits for.
    is_eager = is_eager and not call.waits_to_be_asked
    response = await answers.begin(call, "application/json") if is_eager else None
    try:
        with contextlib.suppress(ConnectionError):
            while (line := await lines.get()) is not None:
                response = response or await answers.begin(call, "application/json")
                await response.write(encode(line) + b"\r\n")
        await task
    except asyncio.CancelledError:
        task.cancel()
        raise
    except Exception as error:
        if response is None:
            raise
        words = words_of(error)
        await response.write(encode(Progress(error_detail=ErrorDetail(message=words), error=words)) + b"\r\n")
    return response or await answers.begin(call, "application/json")
