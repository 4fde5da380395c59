"""The spawner's real program: what it runs from, what it weighs, what it may be asked."""

import asyncio
import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import shim_kit
from wharf import errors
from wharf.spawner import interpreter
from wharf.spawner.client import Spawner

pytestmark = pytest.mark.kernel


@pytest.fixture
async def spawner() -> AsyncIterator[Spawner]:
    spawner = await Spawner.start(shim_kit.warm_program(), variables=os.environ)
    async with asyncio.timeout(20):
        yield spawner
    await spawner.close()


def child() -> int:
    """Return the pid of this process's only child."""
    text = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii")
    (pid,) = text.split()
    return int(pid)


async def warm(spawner: Spawner) -> None:
    """Wait until it serves."""
    with pytest.raises(errors.InvalidParameter):
        await spawner.prepare("nothing", {})


def test_a_file_in_a_read_only_mount_of_its_own_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "program"
    path.write_bytes(b"before")
    fd = interpreter.readonly_mount(str(path))
    with pytest.raises(OSError, match="Read-only file system"):
        os.open(f"/proc/self/fd/{fd}", os.O_WRONLY)
    assert Path(f"/proc/self/fd/{fd}").read_bytes() == b"before"
    path.write_bytes(b"after")  # by its own name it is as it was
    os.close(fd)


def test_an_interpreter_executed_by_descriptor_finds_its_library() -> None:
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1]);"
        "from wharf.spawner import interpreter;"
        "interpreter.execute(os.path.realpath(sys.executable),"
        " ['-I', '-S', '-c', 'import sys, socket; print(sys.prefix)'], {})"
    )
    command = [sys.executable, "-I", "-S", "-c", code, str(shim_kit.SOURCE)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    assert done.stdout.strip() == sys.base_prefix


async def test_the_spawner_runs_from_a_read_only_mount(spawner: Spawner) -> None:
    await warm(spawner)
    fd = os.open(f"/proc/{child()}/exe", os.O_RDONLY)
    assert os.fstatvfs(fd).f_flag & os.ST_RDONLY
    os.close(fd)


@pytest.fixture
def copy() -> Iterator[int]:
    fd = interpreter.sealed_copy(os.path.realpath(sys.executable))
    yield fd
    os.close(fd)


def test_a_sealed_copy_is_the_same_program_and_cannot_be_changed(copy: int) -> None:
    assert os.pread(copy, 1 << 26, 0) == Path(sys.executable).resolve().read_bytes()
    with pytest.raises(PermissionError):
        os.pwrite(copy, b"x", 0)
    with pytest.raises(PermissionError):
        os.ftruncate(copy, 0)


async def test_its_own_session_and_no_signals_of_its_parent(spawner: Spawner) -> None:
    await warm(spawner)
    pid = child()
    assert os.getsid(pid) == pid
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    assert re.search(r"SigBlk:\t0{16}", status)
    assert Path(f"/proc/{pid}/comm").read_text(encoding="ascii") == "wharf-spawner\n"


async def test_it_holds_no_file_or_folder_open(spawner: Spawner) -> None:
    await warm(spawner)
    folder = f"/proc/{child()}/fd"
    links = {fd: os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder) if int(fd) > 2}
    assert [link for link in links.values() if not link.startswith(("socket:", "pipe:"))] == []


async def test_it_ends_soon_after_wharfd(spawner: Spawner) -> None:
    await warm(spawner)
    pidfd = os.pidfd_open(child())
    assert spawner._peer is not None
    spawner._peer._channel._sock.shutdown(2)
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    assert await asyncio.to_thread(poll.poll, 5000)
    os.close(pidfd)


async def test_a_preparation_is_repeated_for_the_next_spawner(spawner: Spawner) -> None:
    profile = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": [], "syscalls": []}
    await spawner.prepare("seccomp", profile)
    os.kill(child(), signal.SIGKILL)
    await spawner.prepare("seccomp", profile)


@pytest.mark.parametrize("profile", [{"defaultAction": 3}, {"defaultAction": "nonsense"}])
async def test_a_preparation_that_fails_is_an_answer(spawner: Spawner, profile: dict[str, object]) -> None:
    with pytest.raises(errors.EngineError):
        await spawner.prepare("seccomp", profile)
    await warm(spawner)
