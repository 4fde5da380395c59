"""A container's streams: clients, terminals, big output, slow readers."""

import asyncio
import re
import time
from pathlib import Path

import pytest

import shim_kit
from shim_kit import Container, Factory

pytestmark = pytest.mark.kernel

MIB = 1 << 20


def private_kib(pid: int) -> int:
    """Return the memory of a process that nobody shares."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(number) for number in re.findall(r"Private_(?:Clean|Dirty): +(\d+) kB", text))


async def test_the_end_of_the_clients_input_ends_stdin_once(containers: Factory) -> None:
    container = await containers.created("cat; echo over", open_stdin=True, stdin_once=True)
    client = await container.wharfd.attach(stdin=True)
    await container.wharfd.call("start")
    client.writer.write(b"some text\n")
    client.writer.write_eof()
    assert await client.rest() == b"some text\nover\n"
    assert (await container.exit())["status"] == 0


async def test_without_stdin_once_it_ends_the_clients_visit_only(containers: Factory) -> None:
    container = await containers.created("cat", open_stdin=True)
    first = await container.wharfd.attach(stdin=True)
    await container.wharfd.call("start")
    first.writer.write_eof()
    assert await first.rest() == b""
    second = await container.wharfd.attach(stdin=True)
    second.writer.write(b"again\n")
    assert await second.until(b"\n") == b"again\n"
    await second.close()


async def test_without_open_stdin_there_is_nothing_to_read(containers: Factory) -> None:
    container = await containers.created("cat; readlink /proc/self/fd/0")
    client = await container.wharfd.attach(stdin=True)
    await container.wharfd.call("start")
    assert await client.rest() == b"/dev/null\n"


async def test_two_clients_see_the_same(containers: Factory) -> None:
    container = await containers.created("echo one; echo two")
    clients = [await container.wharfd.attach() for _ in range(2)]
    await container.wharfd.call("start")
    assert [await client.rest() for client in clients] == [b"one\ntwo\n"] * 2


async def test_a_hundred_megabytes_go_through_cat_without_the_shim_growing(
    containers: shim_kit.Factory,
) -> None:
    container = await containers.created(
        "cat",
        open_stdin=True,
        stdin_once=True,
        log=shim_kit.NO_LOG,
    )
    client = await container.wharfd.attach(stdin=True)
    await container.wharfd.call("start")
    before = private_kib(container.shim_pid)
    block = bytes(range(256)) * 4096
    total = 100

    async def feed() -> None:
        for _ in range(total):
            client.writer.write(block)
            await client.writer.drain()
        client.writer.write_eof()

    feeding = asyncio.ensure_future(feed())
    async with asyncio.timeout(120):
        for _ in range(total - 1):
            assert await client.reader.readexactly(len(block)) == block
        assert private_kib(container.shim_pid) - before < 1024
        await feeding
    assert await client.rest() == block
    await container.exit()


async def test_a_client_that_does_not_read_stops_the_container_and_not_its_end(
    containers: shim_kit.Factory,
) -> None:
    container = await containers.created(
        "head -c 50000000 /dev/zero; echo never",
        log=shim_kit.NO_LOG,
    )
    client = await container.wharfd.attach()
    client.be_slow(slow=True)
    await container.wharfd.call("start")
    await blocked(container)
    assert private_kib(container.shim_pid) < 6 * 1024
    begun = time.monotonic()
    await container.wharfd.call("kill")
    await container.wharfd.event("exit")
    assert time.monotonic() - begun < 8
    client.be_slow(slow=False)
    assert len(await client.rest()) > MIB
    await container.ended()


async def blocked(container: Container) -> None:
    """Wait until the container's child has written more than a client may be owed, and writes no more."""
    created = await container.wharfd.event("created")
    children = Path(f"/proc/{created['pid']}/task/{created['pid']}/children")
    written = [-1, 0]
    async with asyncio.timeout(shim_kit.LIMIT_S):
        while written[-1] < MIB or written[-1] != written[-2]:
            await asyncio.sleep(0.05)
            if pids := children.read_text().split():
                io = Path(f"/proc/{pids[0]}/io").read_text()
                written.append(int(re.findall(r"wchar: (\d+)", io)[0]))


async def test_the_last_words_of_a_container_reach_the_client(containers: Factory) -> None:
    container = await containers.created("head -c 3000000 /dev/zero")
    client = await container.wharfd.attach()
    await container.wharfd.call("start")
    assert len(await client.rest()) == 3_000_000


async def test_a_container_is_not_held_by_what_it_left_behind(containers: Factory) -> None:
    spec = shim_kit.spec_of("sleep 1000 & echo over")
    spec["linux"]["namespaces"] = [
        namespace for namespace in spec["linux"]["namespaces"] if namespace["type"] != "pid"
    ]
    container = await containers.created(spec)
    client = await container.wharfd.attach()
    begun = time.monotonic()
    await container.wharfd.call("start")
    assert await client.rest() == b"over\n"
    assert (await container.exit())["status"] == 0
    assert time.monotonic() - begun < 10


# Terminals.


async def test_a_terminal_has_the_size_asked_for_and_changes_it(containers: Factory) -> None:
    container = await containers.created(
        "tty; stty size; trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.01; done",
        tty=True,
        open_stdin=True,
        console_size=[40, 100],
    )
    client = await container.wharfd.attach(stdin=True)
    await container.wharfd.call("start")
    assert await client.until(b"ready\r\n") == b"/dev/pts/0\r\n40 100\r\nready\r\n"
    await container.wharfd.call("resize", height=50, width=120, exec=None)
    assert await client.rest() == b"50 120\r\n"
    await container.exit()


async def test_typing_into_a_terminal_echoes(containers: Factory) -> None:
    container = await containers.created("read x; echo got $x", tty=True, open_stdin=True)
    client = await container.wharfd.attach(stdin=True)
    await container.wharfd.call("start")
    client.writer.write(b"word\n")
    assert await client.rest() == b"word\r\ngot word\r\n"


async def test_detach_keys_let_a_client_go_and_the_container_goes_on(containers: Factory) -> None:
    container = await containers.created("cat", tty=True, open_stdin=True)
    client = await container.wharfd.attach(stdin=True, keys=b"\x10\x11")
    await container.wharfd.call("start")
    client.writer.write(b"\x10")
    await client.writer.drain()
    client.writer.write(b"\x11")
    assert await client.rest() == b""
    assert (await container.wharfd.event("detach"))["exec"] is None
    assert (await container.wharfd.call("state"))["status"] == "running"


async def test_without_a_terminal_detach_keys_are_bytes(containers: Factory) -> None:
    container = await containers.created("cat", open_stdin=True, stdin_once=True)
    client = await container.wharfd.attach(stdin=True, keys=b"\x10\x11")
    await container.wharfd.call("start")
    client.writer.write(b"a\x10\x11b")
    client.writer.write_eof()
    assert await client.rest() == b"a\x10\x11b"
