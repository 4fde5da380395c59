"""wharfd's side of the spawner, with a real one."""

import asyncio
import gc
import os
import select
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import spawner_kit
from wharf import errors
from wharf.aio.channel import Channel
from wharf.spawner import client
from wharf.spawner.client import Spawner


def proc(path: str) -> str:
    return Path("/proc", path).read_text(encoding="ascii")


@pytest.fixture
async def spawner() -> AsyncIterator[Spawner]:
    spawner = await Spawner.start(spawner_kit.program())
    async with asyncio.timeout(20):
        yield spawner
    await spawner.close()
    assert proc(f"self/task/{os.getpid()}/children") == ""


async def test_a_job_gets_arguments_and_descriptors_and_answers(spawner: Spawner) -> None:
    r, w = os.pipe()
    os.write(w, b"inside")
    os.close(w)
    assert await spawner.job("echo", {"a": [1, None]}, [r]) == {"args": {"a": [1, None]}, "read": ["inside"]}
    os.close(r)


async def test_progress_is_given_in_order(spawner: Spawner) -> None:
    seen: list[object] = []
    await spawner.job("count", {"to": 5}, progress=lambda message: seen.append(message["number"]))
    assert seen == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("job", "kind", "words"),
    [
        ("conflict", errors.Conflict, r"^taken$"),
        ("own_kind", errors.NotFound, r"^no such thing$"),
        ("refused", errors.Internal, r"No such file or directory: '/nowhere/at/all'$"),
        ("bug", errors.Unavailable, r"^the worker for bug died$"),
        ("die", errors.Unavailable, r"^the worker for die died$"),
        ("nonsense", errors.Unavailable, r"^the worker for nonsense sent nonsense"),
        ("unheard", errors.InvalidParameter, r"^no such job: 'unheard'$"),
        ("kill_spawner", errors.Unavailable, r"^the worker for kill_spawner died$"),
    ],
)
async def test_what_goes_wrong_in_a_job_is_raised(
    spawner: Spawner, job: str, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        await spawner.job(job, {})
    assert type(caught.value) is kind


async def test_the_errno_of_a_job_comes_along(spawner: Spawner) -> None:
    with pytest.raises(errors.Conflict) as caught:
        await spawner.job("conflict", {})
    assert isinstance(caught.value.__cause__, FileExistsError)


async def test_a_cancelled_job_is_dead_when_its_caller_goes_on(spawner: Spawner) -> None:
    begun: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    running = asyncio.ensure_future(
        spawner.job("hang", {}, progress=lambda message: begun.set_result(int(str(message["pid"]))))
    )
    pidfd = os.pidfd_open(await begun)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    assert poll.poll(0)
    os.close(pidfd)


async def test_a_shim_gets_its_bundle_and_channel(spawner: Spawner) -> None:
    sock, pidfd = await spawner.shim("/the/bundle")
    channel = Channel(sock)
    created = await channel.receive()
    assert created is not None
    assert created[0]["bundle"] == "/the/bundle"
    assert created[0]["stdio"] == ["/dev/null"] * 3
    channel.close()
    os.close(pidfd)


async def spawner_pid(spawner: Spawner) -> int:
    begun: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    running = asyncio.ensure_future(
        spawner.job("hang", {}, progress=lambda message: begun.set_result(int(str(message["pid"]))))
    )
    worker = await begun
    parent = int(proc(f"{worker}/stat").rpartition(")")[2].split()[1])
    running.cancel()
    await asyncio.wait([running])
    return parent


async def test_calls_queued_at_a_killed_spawner_succeed_at_the_next(spawner: Spawner) -> None:
    pid = await spawner_pid(spawner)
    os.kill(pid, signal.SIGSTOP)
    jobs = [asyncio.ensure_future(spawner.job("echo", {"n": n})) for n in range(5)]
    shim = asyncio.ensure_future(spawner.shim("/b"))
    await asyncio.sleep(0)
    os.kill(pid, signal.SIGKILL)
    assert await asyncio.gather(*jobs) == [{"args": {"n": n}, "read": []} for n in range(5)]
    sock, pidfd = await shim
    sock.close()
    os.close(pidfd)


async def test_a_spawner_that_always_dies_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_LIMIT_S", 10)
    spawner = await Spawner.start(spawner_kit.program(), variables={"WHARF_FAILPOINTS": "spawner.fork=kill"})
    with pytest.raises(errors.Unavailable, match="died 3 times while asked for a job"):
        await spawner.job("echo", {})
    await spawner.close()


async def test_a_missing_program_is_an_oserror_at_start() -> None:
    with pytest.raises(FileNotFoundError):
        await Spawner.start(["/nowhere/python"])


async def test_closing_leaves_no_process_and_no_descriptor() -> None:
    gc.collect()  # what other tests have dropped is closed first
    before = set(os.listdir("/proc/self/fd"))
    spawner = await Spawner.start(spawner_kit.program())
    running = asyncio.ensure_future(spawner.job("hang", {}, progress=lambda _: closing.set()))
    closing = asyncio.Event()
    await closing.wait()
    await spawner.close()
    with pytest.raises(errors.Unavailable):
        await running
    with pytest.raises(errors.Unavailable, match="stopping"):
        await spawner.job("echo", {})
    assert set(os.listdir("/proc/self/fd")) == before


def test_a_spawner_learns_no_secrets_from_the_environment() -> None:
    kept = client.environment({"PATH": "/bin", "AWS_SECRET_ACCESS_KEY": "s", "WHARF_FAILPOINTS": "a=kill"})
    assert kept["PATH"] == "/bin"
    assert kept["WHARF_FAILPOINTS"] == "a=kill"
    assert "AWS_SECRET_ACCESS_KEY" not in kept
