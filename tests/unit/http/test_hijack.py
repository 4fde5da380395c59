"""A stream begins when its client has read the answer's head."""

import asyncio
import socket

from wharf.http.hijack import until_read


async def test_what_follows_waits_until_the_head_was_read() -> None:
    ours, client = socket.socketpair()
    with ours, client:
        ours.send(b"HTTP/1.1 101 UPGRADED\r\n\r\n")
        waiting = asyncio.create_task(until_read(ours))
        for _ in range(3):
            await asyncio.sleep(0)
        assert not waiting.done()
        client.recv(100)
        await asyncio.wait_for(waiting, 5)


async def test_a_client_that_never_reads_is_not_waited_for_long() -> None:
    ours, client = socket.socketpair()
    with ours, client:
        ours.send(b"HTTP/1.1 101 UPGRADED\r\n\r\n")
        await asyncio.wait_for(until_read(ours), 5)
