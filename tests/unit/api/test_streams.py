"""Attach, exec, logs, wait and events: heads to the byte, and who may cancel what."""

import asyncio
import struct

import pytest

from api_kit import LIMIT_S, Api, FakeAttachment
from wharf.schema.container import WaitResponse
from wharf.schema.exec_ import ExecConfig, ExecStartConfig
from wharf.schema.stream import AttachOptions, LogOptions

UPGRADE = {"Connection": "Upgrade", "Upgrade": "tcp"}
ATTACH = "containers/c1/attach?stream=1&stdout=1"
RAW = b"application/vnd.docker.raw-stream"
FRAMES = b"application/vnd.docker.multiplexed-stream"
DAEMON = (
    b"Api-Version: 1.51\r\nDocker-Experimental: false\r\nOstype: linux\r\nServer: Docker/28.5.2 (linux)\r\n"
)


async def raw_head(
    api: Api, path: str, *, headers: dict[str, str], is_tty: bool = False, body: bytes = b""
) -> bytes:
    attachment = FakeAttachment(is_tty=is_tty)
    api.rooms.containers.attachment = api.rooms.execs.attachment = attachment
    async with api.connect() as client:
        client.send("POST", path, headers=headers, body=body)
        async with asyncio.timeout(LIMIT_S):
            return await client.reader.readuntil(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("version", "is_tty", "media"), [("1.51", False, FRAMES), ("1.51", True, RAW), ("1.41", False, RAW)]
)
async def test_an_upgraded_attach_has_dockerds_head(
    api: Api, version: str, *, is_tty: bool, media: bytes
) -> None:
    head = await raw_head(api, f"/v{version}/{ATTACH}", headers=UPGRADE, is_tty=is_tty)
    assert head == (
        b"HTTP/1.1 101 UPGRADED\r\nContent-Type: %b\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n" % media
    )


async def test_an_attach_without_upgrade_has_dockerds_head(api: Api) -> None:
    head = await raw_head(api, f"/{ATTACH}", headers={})
    assert head == b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\n\r\n" % RAW


async def test_an_upgraded_exec_has_the_daemons_headers_too(api: Api) -> None:
    head = await raw_head(api, "/exec/e1/start", headers=UPGRADE, body=b"{}")
    start = b"HTTP/1.1 101 UPGRADED\r\nContent-Type: %b\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n" % FRAMES
    assert head == start + DAEMON + b"\r\n"


async def test_an_exec_without_upgrade_has_dockerds_head(api: Api) -> None:
    head = await raw_head(api, "/exec/e1/start", headers={}, body=b"{}")
    assert head == b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\n" % RAW + DAEMON + b"\r\n"


async def test_an_attach_that_fails_is_told_as_raw_text(api: Api) -> None:
    async with api.connect() as client:
        client.send("POST", "/containers/nope/attach?stream=1", headers=UPGRADE)
        assert await client.rest() == (
            b"HTTP/1.1 404 Not Found\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"
            b"No such container: nope\r\n"
        )


async def test_attach_reads_its_query(api: Api) -> None:
    async with api.connect() as client:
        client.send("POST", "/containers/c1/attach?stdin=1&stderr=1&logs=1&stream=1&detachKeys=ctrl-a")
        await client.head()
    assert api.rooms.containers.asked == [
        ("attach", AttachOptions(stdin=True, stderr=True, logs=True, stream=True, detach_keys="ctrl-a"))
    ]


async def test_an_attach_by_get_is_no_route(api: Api) -> None:
    assert (await api.ask("GET", f"/{ATTACH}")).status == 404


async def test_a_detached_exec_is_answered_at_once(api: Api) -> None:
    reply = await api.ask("POST", "/exec/e1/start", body=b'{"Detach":true,"Tty":true,"ConsoleSize":[3,4]}')
    assert (reply.status, reply.body) == (200, b"")
    expected = ExecStartConfig(detach=True, tty=True, console_size=(3, 4))
    assert api.rooms.execs.asked == [("start", expected)]


@pytest.mark.parametrize(("version", "size"), [("1.42", (3, 4)), ("1.41", None)])
async def test_an_execs_size_needs_1_42(api: Api, version: str, size: tuple[int, int] | None) -> None:
    body = b'{"Cmd":["sh"],"Tty":true,"ConsoleSize":[3,4]}'
    reply = await api.ask("POST", f"/v{version}/containers/c1/exec", body=body)
    assert (reply.status, reply.json()) == (201, {"Id": "e" * 64})
    expected = ExecConfig(cmd=["sh"], tty=True, console_size=size)
    assert api.rooms.execs.asked == [("create", ("c1", expected))]


async def test_an_exec_is_resized(api: Api) -> None:
    assert (await api.ask("POST", "/exec/e1/resize?h=1&w=2")).status == 200
    assert api.rooms.execs.asked == [("resize", ("e1", 1, 2))]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("stdout=1", LogOptions(stdout=True)),
        ("stderr=1&follow=1&timestamps=1", LogOptions(stderr=True, follow=True, timestamps=True)),
        ("stderr=1&details=1", LogOptions(stderr=True, details=True)),
        ("stdout=1&tail=7", LogOptions(stdout=True, tail=7)),
        ("stdout=1&tail=all", LogOptions(stdout=True)),
        ("stdout=1&tail=-5", LogOptions(stdout=True)),
        ("stdout=1&since=5.25&until=6", LogOptions(stdout=True, since=5_250_000_000, until=6_000_000_000)),
        ("stdout=1&since=-1&until=0", LogOptions(stdout=True)),
        ("stdout=1&until=-1", LogOptions(stdout=True, until=1)),
    ],
)  # fmt: skip
async def test_logs_reads_its_query(api: Api, query: str, expected: LogOptions) -> None:
    assert (await api.ask("GET", f"/containers/c1/logs?{query}")).status == 200
    assert api.rooms.containers.asked == [("logs", expected)]


async def test_logs_of_a_terminal_are_raw(api: Api) -> None:
    api.rooms.containers.attachment.is_tty = True
    reply = await api.ask("GET", "/containers/c1/logs?stdout=1")
    assert reply.headers["Content-Type"] == RAW.decode()


async def test_a_log_that_breaks_ends_with_a_frame_of_the_engines_own(api: Api) -> None:
    api.rooms.containers.log = [b"piece", OSError(5, "Input/output error")]
    reply = await api.ask("GET", "/containers/c1/logs?stdout=1")
    words = b"Error grabbing logs: internal error: OSError: [Errno 5] Input/output error\n"
    assert reply.body == b"piece" + struct.pack(">BxxxL", 3, len(words)) + words


async def test_wait_sends_its_head_at_once(api: Api) -> None:
    async with api.connect() as client:
        client.send("POST", "/containers/c1/wait?condition=next-exit")
        assert (await client.head()).status == 200
        assert not api.rooms.containers.exit.done()
        api.rooms.containers.exit.set_result(WaitResponse(status_code=7))
        assert await client.chunk() == b'{"StatusCode":7}\n'
    assert api.rooms.containers.asked == [("wait", "next-exit")]


@pytest.mark.parametrize("condition", ["", "not-running", "removed"])
async def test_wait_knows_its_conditions(api: Api, condition: str) -> None:
    api.rooms.containers.exit.set_result(WaitResponse())
    reply = await api.ask("POST", f"/containers/c1/wait?condition={condition}")
    assert reply.body == b'{"StatusCode":0}\n'
    assert api.rooms.containers.asked == [("wait", condition or "not-running")]


async def test_wait_ends_when_its_client_goes_away(api: Api) -> None:
    async with api.connect() as client:
        client.send("POST", "/containers/c1/wait")
        await client.head()
    async with asyncio.timeout(LIMIT_S):
        await api.rooms.containers.waiters_cancelled.wait()


async def test_a_client_that_has_seen_the_head_misses_no_event(api: Api) -> None:
    async with api.connect() as client:
        client.send("GET", '/events?since=5&until=6.5&filters={"type":["container"]}')
        await client.head()
        assert api.rooms.events.subscriptions == 1
        api.rooms.events.emit("start")
        assert b'"Action":"start"' in await client.chunk()
        api.rooms.events.queue.put_nowait(None)
        assert await client.chunk() == b""
    (asked,) = api.rooms.events.asked
    assert asked[:2] == (5_000_000_000, 6_500_000_000)
    assert asked[2].get("type") == ("container",)


async def test_events_end_when_their_client_goes_away(api: Api) -> None:
    async with api.connect() as client:
        client.send("GET", "/events")
        await client.head()
    async with asyncio.timeout(LIMIT_S):
        await api.rooms.events.ended.wait()
    assert api.rooms.events.subscriptions == 0


async def test_after_a_stream_the_connection_takes_the_next_request(api: Api) -> None:
    async with api.connect() as client:
        await client.ask("GET", "/containers/c1/logs?stdout=1")
        assert (await client.ask("GET", "/_ping")).body == b"OK"
