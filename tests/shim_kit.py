"""Real shims for tests: a warm spawner, bundles of busybox containers, and wharfd's side of the protocol."""

import asyncio
import json
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path

import runtime_kit
from wharf import errors
from wharf.aio.channel import Channel
from wharf.aio.peer import Peer
from wharf.linux.seqpacket import close_all
from wharf.runtime.spec import Process, Spec
from wharf.shim.protocol import ShimConfig
from wharf.spawner.client import CHANNEL_FD, Spawner

LIMIT_S = 20.0
NO_LOG: dict[str, object] = {"driver": "none", "path": "", "max_size": 0, "max_file": 1}
SOURCE = Path(__file__).parent.parent / "src"


def warm_program() -> list[str]:
    """Return the command line of the real spawner."""
    base = os.path.realpath(sys.executable)
    folders = os.pathsep.join([str(SOURCE), *(path for path in sys.path if path.endswith("site-packages"))])
    return [base, "-I", "-S", str(SOURCE / "wharf/daemon/warm.py"), str(CHANNEL_FD), folders]


def write_bundle(folder: Path, lower: Path, spec: Spec, **changes: object) -> Path:
    """Write what an engine writes for one start; `changes` are fields of shim.json, and `log` its options."""
    bundle = folder / "bundle"
    bundle.mkdir(mode=0o700)
    for name in ("upper", "work"):
        (folder / name).mkdir()
    (folder / "lower").symlink_to(lower)
    options = ["lowerdir=lower", "upperdir=upper", "workdir=work"]
    config: ShimConfig = {
        "id": folder.name,
        "root": [{"type": "overlay", "source": "overlay", "options": options, "cwd": str(folder)}],
        "tty": False,
        "open_stdin": False,
        "stdin_once": False,
        "log": {"driver": "json-file", "path": str(folder / "log"), "max_size": 0, "max_file": 1},
        "console_size": None,
    }
    terminal = bool(changes.get("tty"))
    process: Process = {**spec["process"], "terminal": terminal}
    (bundle / "config.json").write_text(json.dumps({**spec, "process": process}))
    (bundle / "shim.json").write_text(json.dumps({**config, **changes}))
    return bundle


class Wharfd:
    """One connection to a shim, with the events that came over it."""

    def __init__(self, sock: socket.socket) -> None:
        self._came = asyncio.Condition()
        self._notes: set[asyncio.Task[None]] = set()
        self._clients: list[Attached] = []
        self.events: list[dict[str, object]] = []
        self.fds: list[int] = []
        self.peer = Peer(Channel(sock), self._take)

    def _take(self, message: dict[str, object], fds: list[int]) -> None:
        self.events.append(message)
        self.fds += fds
        note = asyncio.ensure_future(self._note())
        self._notes.add(note)
        note.add_done_callback(self._notes.discard)

    async def _note(self) -> None:
        async with self._came:
            self._came.notify_all()

    async def event(self, name: str) -> dict[str, object]:
        """Wait for an event, which may have come already."""

        def found() -> dict[str, object] | None:
            return next((event for event in self.events if event["event"] == name), None)

        async with asyncio.timeout(LIMIT_S), self._came:
            await self._came.wait_for(lambda: found() is not None or self.peer.closed.done())
        message = found()
        assert message is not None, f"the shim ended without {name}; it said {self.events}"
        return message

    async def call(self, op: str, fds: tuple[int, ...] = (), **fields: object) -> dict[str, object]:
        """Ask the shim."""
        async with asyncio.timeout(LIMIT_S):
            result, received = await self.peer.call(op, fds, **fields)
        close_all(received)
        return result

    async def execute(self, name: str, process: Process) -> int:
        """Execute a process without a client and return its pid."""
        result = await self.call(
            "exec",
            exec=name,
            process=process,
            stdin=False,
            stdout=False,
            stderr=False,
            detach_keys=[],
            framed=False,
        )
        assert isinstance(result["pid"], int)
        return result["pid"]

    async def attach(
        self,
        *,
        stdin: bool = False,
        framed: bool = False,
        keys: bytes = b"",
        execute: tuple[str, Process] | None = None,
    ) -> "Attached":
        """Join a client to the container, or to a new process `execute` (its name and what it is)."""
        ours, theirs = socket.socketpair()
        fields: dict[str, object] = {
            "stdin": stdin,
            "stdout": True,
            "stderr": True,
            "detach_keys": list(keys),
            "framed": framed,
        }
        with theirs, ExitStack() as refused:
            refused.callback(ours.close)
            if execute is None:
                await self.call("attach", (theirs.fileno(),), **fields)
            else:
                name, process = execute
                await self.call("exec", (theirs.fileno(),), exec=name, process=process, **fields)
            refused.pop_all()
        reader, writer = await asyncio.open_connection(sock=ours)
        self._clients.append(Attached(reader, writer))
        return self._clients[-1]

    async def close(self) -> None:
        for client in self._clients:
            await client.close()
        await self.peer.close()
        close_all(self.fds)
        self.fds.clear()


class Attached:
    """The client's end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def rest(self) -> bytes:
        """Return all that is still to come."""
        async with asyncio.timeout(LIMIT_S):
            data = await self.reader.read()
        await self.close()
        return data

    async def until(self, end: bytes) -> bytes:
        """Return what comes up to `end`."""
        async with asyncio.timeout(LIMIT_S):
            return await self.reader.readuntil(end)

    def be_slow(self, *, slow: bool) -> None:
        """Stop reading, or go on."""
        transport = self.writer.transport
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading() if slow else transport.resume_reading()

    async def close(self) -> None:
        """Let go; harmless when done already."""
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except OSError:
            return


class Frames:
    """A Docker stream taken apart."""

    def __init__(self, data: bytes) -> None:
        self.streams: dict[int, bytes] = {}
        while data:
            stream, length = data[0], int.from_bytes(data[4:8], "big")
            assert data[1:4] == b"\0\0\0"
            assert len(data) >= 8 + length
            self.streams[stream] = self.streams.get(stream, b"") + data[8 : 8 + length]
            data = data[8 + length :]


def spec_of(script: str) -> Spec:
    """Return the spec of a container that runs a shell script."""
    return runtime_kit.spec_of("/bin/sh", "-c", script)


def process_of(script: str, *, terminal: bool = False) -> Process:
    """Return a process to execute."""
    return {**runtime_kit.process_of("/bin/sh", "-c", script), "terminal": terminal}


def children() -> list[int]:
    """Return the children of this process that were not waited for."""
    text = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii")
    return [int(pid) for pid in text.split()]


def is_alive(pidfd: int) -> bool:
    """Whether the process has not ended."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return not poll.poll(0)


async def ended(pidfd: int) -> None:
    """Wait for the end of a process."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    loop.add_reader(pidfd, lambda: None if done.done() else done.set_result(None))
    try:
        async with asyncio.timeout(LIMIT_S):
            await done
    finally:
        loop.remove_reader(pidfd)


class Container:
    """A container being tried: its folders, its shim, and wharfd's connection."""

    def __init__(self, folder: Path, bundle: Path, wharfd: Wharfd, pidfd: int) -> None:
        self.folder = folder
        self.bundle = bundle
        self.wharfd = wharfd
        self.pidfd = pidfd

    @property
    def log(self) -> bytes:
        return (self.folder / "log").read_bytes()

    @property
    def shim_pid(self) -> int:
        return int((self.bundle / "shim.pid").read_text().split()[0])

    async def ended(self) -> None:
        await ended(self.pidfd)

    async def exit(self) -> dict[str, object]:
        """Wait for the end of the container and of its shim."""
        message = await self.wharfd.event("exit")
        await self.ended()
        return message


class Factory:
    """Launches containers, and ends them after the test."""

    def __init__(self, spawner: Spawner, lower: Path) -> None:
        self.spawner = spawner
        self.lower = lower
        self.top = Path(tempfile.mkdtemp(prefix="wharf-shim-"))
        self.made: list[Container] = []

    async def launch(self, spec: Spec | str, **config: object) -> Container:
        """Have a shim make a container of a spec or a shell script."""
        folder = self.top / f"c{len(self.made)}"
        folder.mkdir()
        if isinstance(spec, str):
            spec = spec_of(spec)
        bundle = write_bundle(folder, self.lower, spec, **config)
        sock, pidfd = await self.spawner.shim(str(bundle))
        container = Container(folder, bundle, Wharfd(sock), pidfd)
        self.made.append(container)
        return container

    async def created(self, spec: Spec | str, **config: object) -> Container:
        container = await self.launch(spec, **config)
        await container.wharfd.event("created")
        return container

    async def running(self, spec: Spec | str, **config: object) -> Container:
        container = await self.created(spec, **config)
        await container.wharfd.call("start")
        return container

    async def close(self) -> None:
        for container in self.made:
            with suppress(errors.EngineError, AssertionError):
                await container.wharfd.call("kill")
            await container.wharfd.close()
            if is_alive(container.pidfd):
                with suppress(TimeoutError):
                    await container.ended()
            if is_alive(container.pidfd):
                signal.pidfd_send_signal(container.pidfd, signal.SIGKILL)
            os.close(container.pidfd)
            assert not (container.bundle / "shim.log").exists(), (container.bundle / "shim.log").read_text()
        shutil.rmtree(self.top)
