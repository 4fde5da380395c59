"""Processes executed in the running container, each with streams, a client and an exit status of its own."""

import socket
from collections.abc import Callable
from typing import NamedTuple

from wharf import errors
from wharf.failpoint import failpoint
from wharf.linux import pty
from wharf.linux.cgroup import Cgroup
from wharf.linux.seqpacket import close_all
from wharf.runtime.exec import Execed, exec_process
from wharf.runtime.spec import Process, Spec
from wharf.shim import loop as event
from wharf.shim.loop import Loop, Timer
from wharf.shim.protocol import Attach, ExecState
from wharf.shim.record import wait_status
from wharf.shim.stdio import Streams

STRAY_S = 2.0
"""How long what an exec'd process left behind may go on writing to its streams; Docker's figure."""


class Target(NamedTuple):
    """The container that processes are executed in; the pidfd is borrowed."""

    spec: Spec
    init_pid: int
    init_pidfd: int
    cgroup: Cgroup


class _Exec:
    """One exec'd process until its streams are done with."""

    __slots__ = ("execed", "exited_at", "status", "streams", "timer")

    def __init__(self, execed: Execed, streams: Streams) -> None:
        self.execed = execed
        self.streams = streams
        self.status: int | None = None
        self.exited_at = 0
        self.timer: Timer | None = None


class Execs:
    """All of them. `tell(event)` returns whether anybody heard; `on_done` is called after each end."""

    def __init__(
        self, loop: Loop, tell: Callable[[dict[str, object]], bool], on_done: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._tell = tell
        self._on_done = on_done
        self._running: dict[str, _Exec] = {}
        self._unheard: dict[str, ExecState] = {}

    def start(
        self,
        name: str,
        process: Process,
        wants: Attach,
        client: socket.socket | None,
        target: Target,
    ) -> int:
        """Execute `process` in `target` and return its pid; `client`, ours from here on, is joined to it.

        Raises ExecFailed in the runtime's words, Conflict when there is one of that name.
        """
        try:
            if name in self._running:
                raise errors.Conflict(f"exec {name} is running already")
            streams = Streams(
                self._loop,
                stdin_once=True,
                on_end=lambda: self._streams_ended(name),
                on_detach=lambda: self._detached(name),
                on_settled=lambda: None,
            )
            execed = _execute(target, process, streams, stdin=wants.stdin)
        except BaseException:
            # Not shut down: the engine still has the connection, and tells its client what went wrong.
            if client is not None:
                client.close()
            raise
        self._running[name] = _Exec(execed, streams)
        self._loop.add(execed.pidfd, event.IN, lambda _: self._exited(name))
        if client is not None:
            streams.attach(client, wants)
        return execed.pid

    def resize(self, name: str, height: int, width: int) -> None:
        """Set the size of one's terminal; raises NotFound, or Conflict without a terminal."""
        found = self._running.get(name)
        if found is None:
            raise errors.NotFound(f"No such exec instance: {name}")
        if found.streams.console < 0:
            raise errors.Conflict("the process has no terminal")
        pty.set_size(found.streams.console, height, width)

    @property
    def are_all_done(self) -> bool:
        """Whether no exec'd process is left."""
        return not self._running

    def states(self) -> dict[str, ExecState]:
        """Return those that run, and those that ended while nobody listened; the latter once."""
        states, self._unheard = self._unheard, {}
        for name, running in self._running.items():
            is_running = running.status is None
            states[name] = {"pid": running.execed.pid, "running": is_running, "status": running.status}
        return states

    def give_up(self) -> None:
        """Be done with what is left: the container has ended."""
        for name, left in list(self._running.items()):
            if left.status is None:
                left.status, left.exited_at = 137, 0
            self._done(name)

    def _exited(self, name: str) -> None:
        running = self._running[name]
        self._loop.remove(running.execed.pidfd)
        running.status, running.exited_at = wait_status(running.execed.pidfd)
        running.streams.drain()
        if running.streams.is_ended:
            self._done(name)
        else:
            running.timer = self._loop.later(STRAY_S, lambda: self._done(name))

    def _streams_ended(self, name: str) -> None:
        running = self._running.get(name)
        if running is not None and running.timer is not None:
            self._done(name)

    def _done(self, name: str) -> None:
        """Tell of the end, then close the client: who asks after its last byte gets the exit status."""
        running = self._running.pop(name, None)
        if running is None:
            return
        if running.timer is not None:
            running.timer.cancel()
        self._loop.remove(running.execed.pidfd)
        message: dict[str, object] = {
            "event": "exec-exit",
            "exec": name,
            "status": running.status,
            "exited_at": running.exited_at,
        }
        if not self._tell(message):
            self._unheard[name] = {"pid": running.execed.pid, "running": False, "status": running.status}
        running.streams.finish()
        running.execed.close()
        self._on_done()

    def _detached(self, name: str) -> None:
        self._tell({"event": "detach", "exec": name})


def _execute(target: Target, process: Process, streams: Streams, *, stdin: bool) -> Execed:
    """Execute `process` with `streams`; they are closed when that fails."""
    box = process.get("consoleSize")
    stdio = None if process.get("terminal") else streams.open_pipes(stdin=stdin)
    try:
        failpoint("shim.exec")
        execed = exec_process(
            target.init_pid,
            target.init_pidfd,
            target.spec,
            process,
            stdio=stdio,
            console_size=(box["height"], box["width"]) if box else None,
            cgroup=target.cgroup,
        )
    except BaseException:
        streams.close()
        raise
    finally:
        close_all(stdio or ())
    if execed.console is not None:
        master, execed.console = execed.console, None
        streams.use_console(master)
    return execed
