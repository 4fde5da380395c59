"""What a connection lets through, keeps, and cuts off."""

import asyncio

import pytest

from api_kit import LIMIT_S, Api, served
from wharf import limits

UPGRADE = {"Connection": "Upgrade", "Upgrade": "tcp"}
ATTACH = "/containers/c1/attach?stream=1&stdin=1&stdout=1"


async def test_bytes_behind_an_attach_request_reach_the_container(api: Api) -> None:
    async with api.connect() as client:
        client.send("POST", ATTACH, headers=UPGRADE)
        client.writer.write(b"GET / HTTP/1.1\r\n\r\n")
        client.writer.write_eof()
        assert (await client.head()).status == 101
        assert await client.rest() == b"got:GET / HTTP/1.1\r\n\r\nlate output"


async def test_bytes_that_come_later_reach_the_container(api: Api) -> None:
    async with api.connect() as client:
        client.send("POST", ATTACH, headers=UPGRADE)
        await client.head()
        client.writer.write(b"hello")
        client.writer.write_eof()
        assert await client.rest() == b"got:hellolate output"


async def test_a_head_that_comes_byte_by_byte_is_one_request(api: Api) -> None:
    async with api.connect() as client:
        for byte in b"POST /containers/c1/attach?stream=1 HTTP/1.1\r\nHost: d\r\n\r\nearly":
            client.writer.write(bytes([byte]))
            await client.writer.drain()
            await asyncio.sleep(0)
        client.writer.write_eof()
        assert (await client.head()).status == 200
        assert (await client.rest()).endswith(b"earlylate output")


@pytest.mark.parametrize("cut", [1, 10, 17])
async def test_a_body_in_pieces_is_told_from_what_follows_it(api: Api, cut: int) -> None:
    body = b'{"Detach": false}'
    async with api.connect() as client:
        head = (
            b"POST /exec/e1/start HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n"
            b"Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 17\r\n\r\n"
        )
        client.writer.write(head + body[:cut])
        await client.writer.drain()
        client.writer.write(body[cut:] + b"stdin")
        client.writer.write_eof()
        assert (await client.head()).status == 101
        assert (await client.rest()).replace(b"got:", b"") == b"stdinlate output"


async def test_an_upgrade_that_is_refused_is_answered_like_any_request(api: Api) -> None:
    async with api.connect() as client:
        reply = await client.ask("POST", "/exec/nope/start", body=b"{}", headers=UPGRADE)
        assert (reply.status, reply.message) == (404, "No such exec instance: nope")


async def test_requests_sent_at_once_are_answered_in_order(api: Api) -> None:
    async with api.connect() as client:
        client.send("GET", "/images/first/json")
        client.send("POST", "/containers/create", body=b'{"Image": "x"}')
        client.send("GET", "/images/last/json")
        assert (await client.reply()).json()["Comment"] == "first"
        assert (await client.reply()).status == 201
        assert (await client.reply()).json()["Comment"] == "last"


async def test_a_client_that_closes_its_half_still_gets_its_answer(api: Api) -> None:
    async with api.connect() as client:
        client.send("GET", "/_ping")
        client.writer.write_eof()
        assert (await client.reply()).body == b"OK"
        assert await client.rest() == b""


async def test_a_body_nobody_read_does_not_become_a_request(api: Api) -> None:
    async with api.connect() as client:
        client.send("POST", "/nowhere", body=b"x" * 300_000)
        assert (await client.reply()).status == 404
        client.send("GET", "/_ping")
        assert (await client.reply()).body == b"OK"


async def test_a_head_at_the_limit_is_read(api: Api) -> None:
    start = b"GET /_ping HTTP/1.1\r\nHost: d\r\n"
    padding = b"".join(b"X-%d: %s\r\n" % (i, b"a" * 8000) for i in range(8))
    last = limits.REQUEST_HEADERS - len(start) - len(padding) - len(b"Y: \r\n\r\n")
    async with api.connect() as client:
        client.writer.write(start + padding + b"Y: " + b"b" * last + b"\r\n\r\n")
        assert (await client.reply()).status == 200


async def test_a_head_over_the_limit_is_refused(api: Api) -> None:
    start = b"GET /_ping HTTP/1.1\r\nHost: d\r\n"
    padding = b"".join(b"X-%d: %s\r\n" % (i, b"a" * 8000) for i in range(8))
    last = limits.REQUEST_HEADERS - len(start) - len(padding) - len(b"Y: \r\n\r\n") + 1
    async with api.connect() as client:
        client.writer.write(start + padding + b"Y: " + b"b" * last + b"\r\n\r\n")
        assert (await client.head()).status == 431


async def test_a_head_that_does_not_end_is_cut_off() -> None:
    async with served(head_timeout_s=0.1) as api, api.connect() as client:
        client.writer.write(b"GET /_ping HTTP/1.1\r\nX: ")
        assert await client.rest() == b""


async def test_an_idle_connection_is_closed() -> None:
    async with served(idle_timeout_s=0.1) as api, api.connect() as client:
        await client.ask("GET", "/_ping")
        assert await client.rest() == b""


async def test_an_attached_client_outlives_the_time_limits() -> None:
    async with served(head_timeout_s=0.1, idle_timeout_s=0.1) as api, api.connect() as client:
        client.send("POST", ATTACH, headers=UPGRADE)
        await client.head()
        async with api.connect() as idle:
            await idle.ask("GET", "/_ping")
            assert await idle.rest() == b""  # both limits have passed
        client.writer.write(b"still here")
        client.writer.write_eof()
        assert await client.rest() == b"got:still herelate output"


async def test_what_is_not_http_is_a_bad_request(api: Api) -> None:
    async with api.connect() as client:
        client.writer.write(b"\x16\x03\x01 hello\r\n\r\n")
        assert (await client.head()).status == 400


async def test_a_client_that_goes_away_before_the_hijack_leaves_no_task(api: Api) -> None:
    containers = api.rooms.containers
    containers.gate.clear()
    async with api.connect() as client:
        client.send("POST", "/containers/c1/start")
        async with asyncio.timeout(LIMIT_S):
            await containers.started.wait()
    containers.gate.set()
    assert (await api.ask("GET", "/_ping")).body == b"OK"
