"""Processes executed in a running container."""

import asyncio
import os
import time

import pytest

import runtime_kit
import shim_kit
from shim_kit import Factory
from wharf import errors
from wharf.aio.channel import Channel

pytestmark = pytest.mark.kernel


async def test_it_has_its_own_streams_and_status_and_is_not_logged(containers: Factory) -> None:
    container = await containers.running("sleep 1000")
    client = await container.wharfd.attach(
        framed=True, execute=("e1", shim_kit.process_of("echo out; echo err >&2; exit 6"))
    )
    assert shim_kit.Frames(await client.rest()).streams == {1: b"out\n", 2: b"err\n"}
    ended = await container.wharfd.event("exec-exit")
    assert (ended["exec"], ended["status"]) == ("e1", 6)
    assert container.log == b""


async def test_the_exit_status_is_told_before_the_last_byte(containers: Factory) -> None:
    container = await containers.running("sleep 1000")
    client = await container.wharfd.attach(execute=("e1", shim_kit.process_of("echo out")))
    await client.rest()
    assert [event["event"] for event in container.wharfd.events][-1] == "exec-exit"


async def test_stdin_of_an_executed_process_ends_with_its_client(containers: Factory) -> None:
    container = await containers.running("sleep 1000")
    client = await container.wharfd.attach(stdin=True, execute=("e1", shim_kit.process_of("cat; echo over")))
    client.writer.write(b"text\n")
    client.writer.write_eof()
    assert await client.rest() == b"text\nover\n"


async def test_a_terminal_of_its_own_can_be_resized_and_detached_from(containers: Factory) -> None:
    container = await containers.running("sleep 1000")
    script = "tty; trap 'stty size' WINCH; echo ready; while :; do sleep 0.01; done"
    client = await container.wharfd.attach(
        stdin=True, keys=b"\x10", execute=("e1", shim_kit.process_of(script, terminal=True))
    )
    assert await client.until(b"ready\r\n") == b"/dev/pts/0\r\nready\r\n"
    await container.wharfd.call("resize", height=33, width=77, exec="e1")
    assert await client.until(b"\r\n") == b"33 77\r\n"
    client.writer.write(b"\x10")
    assert await client.rest() == b""
    assert (await container.wharfd.event("detach"))["exec"] == "e1"
    states = (await container.wharfd.call("state"))["execs"]
    assert isinstance(states, dict)
    assert states["e1"]["running"] is True


async def test_without_a_client_it_runs_all_the_same(containers: Factory) -> None:
    container = await containers.running("sleep 1000")
    process = shim_kit.process_of("head -c 1000000 /dev/zero; exit 9")
    await container.wharfd.execute("e1", process)
    assert (await container.wharfd.event("exec-exit"))["status"] == 9


async def test_a_program_that_is_not_there_is_answered_in_the_runtimes_words(
    containers: shim_kit.Factory,
) -> None:
    container = await containers.running("sleep 1000")
    process = runtime_kit.process_of("nosuchcmd")
    with pytest.raises(errors.InvalidParameter, match=r"executable file not found in \$PATH"):
        await container.wharfd.execute("e1", process)
    assert (await container.wharfd.call("state"))["execs"] == {}
    client = await container.wharfd.attach(execute=("e1", shim_kit.process_of("echo fine")))
    assert await client.rest() == b"fine\n"


async def test_a_name_that_runs_is_taken(containers: Factory) -> None:
    container = await containers.running("sleep 1000")
    process = shim_kit.process_of("sleep 1000")
    await container.wharfd.execute("e1", process)
    with pytest.raises(errors.Conflict):
        await container.wharfd.execute("e1", process)


async def test_nothing_is_executed_before_the_start(containers: Factory) -> None:
    container = await containers.created("sleep 1000")
    with pytest.raises(errors.Conflict):
        await container.wharfd.execute("e1", shim_kit.process_of("true"))


async def test_what_it_leaves_behind_holds_its_client_for_two_seconds(containers: Factory) -> None:
    container = await containers.running("sleep 1000")
    begun = time.monotonic()
    client = await container.wharfd.attach(execute=("e1", shim_kit.process_of("sleep 1000 & echo hi")))
    assert await client.rest() == b"hi\n"
    assert 1.5 < time.monotonic() - begun < 8
    await container.wharfd.event("exec-exit")


async def test_executed_processes_end_with_the_container(containers: Factory) -> None:
    container = await containers.running("sleep 1000")
    process = shim_kit.process_of("sleep 1000")
    await container.wharfd.execute("e1", process)
    await container.wharfd.call("kill")
    assert (await container.exit())["status"] == 137
    assert (await container.wharfd.event("exec-exit"))["status"] == 137


async def test_an_end_that_nobody_heard_is_in_the_state_once(containers: Factory) -> None:
    container = await containers.running("sleep 1000")
    pid = await container.wharfd.execute("e1", shim_kit.process_of("sleep 0.2; exit 8"))
    await container.wharfd.close()
    async with asyncio.timeout(shim_kit.LIMIT_S):
        while os.path.exists(f"/proc/{pid}"):  # noqa: ASYNC110 - there is no event for a reaped process
            await asyncio.sleep(0.01)
    channel = await Channel.connect(str(container.bundle / "shim.sock"))
    container.wharfd = shim_kit.Wharfd(channel._sock)
    execs = (await container.wharfd.call("state"))["execs"]
    assert execs == {"e1": {"pid": pid, "running": False, "status": 8}}
    assert (await container.wharfd.call("state"))["execs"] == {}


async def test_many_at_once_each_get_their_own(containers: Factory) -> None:
    container = await containers.running("sleep 1000")

    async def run(number: int) -> bytes:
        process = shim_kit.process_of(f"echo {number}")
        client = await container.wharfd.attach(execute=(f"e{number}", process))
        return await client.rest()

    outputs = await asyncio.gather(*(run(number) for number in range(8)))
    assert outputs == [b"%d\n" % number for number in range(8)]


async def test_a_slow_client_gets_its_rest_when_the_container_has_ended(containers: Factory) -> None:
    container = await containers.running("sleep 1000")
    client = await container.wharfd.attach(execute=("e1", shim_kit.process_of("head -c 900000 /dev/zero")))
    client.be_slow(slow=True)
    await container.wharfd.event("exec-exit")
    await container.wharfd.call("kill")
    await container.wharfd.event("exit")
    client.be_slow(slow=False)
    assert len(await client.rest()) == 900_000
    await container.ended()
