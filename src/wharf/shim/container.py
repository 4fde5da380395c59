"""One container's life in its shim: made, started, watched, ended, recorded.

    created ──start──▶ running ◀──pause/resume──▶ paused
       └───────────────────┴──── the init ends ────┴──▶ ending ──▶ stopped

At the end everything that was printed goes to the log and to the clients first, then the cgroup goes, then
`exit.json` is on disk, and only then anybody is told.
"""

import os
import signal
import socket
import time
from collections.abc import Callable
from typing import TypeVar

from wharf import errors
from wharf.failpoint import failpoint
from wharf.linux import pty
from wharf.linux.seqpacket import close_all
from wharf.runtime import Init, create
from wharf.runtime.spec import Process, Spec
from wharf.shim import loop as event
from wharf.shim.execs import STRAY_S, Execs, Target
from wharf.shim.log.jsonfile import JsonFile
from wharf.shim.log.writer import LogWriter
from wharf.shim.loop import Loop, Timer
from wharf.shim.protocol import (
    Attach,
    ContainerState,
    ExitRecord,
    LogConfig,
    ShimConfig,
    Status,
    describe,
)
from wharf.shim.record import wait_status, write_exit
from wharf.shim.server import Server
from wharf.shim.stdio import Streams

FLUSH_S = 2.0
"""How long the end of a container waits for clients that do not read; Docker's figure."""

LINGER_S = 60.0
"""How long such clients may then go on reading what they are owed."""

_KILLED = 128 + signal.SIGKILL

T = TypeVar("T")


class Container:
    """The container of the folder `bundle`; stops the loop when there is nothing left to do."""

    def __init__(self, loop: Loop, bundle: str, config: ShimConfig, spec: Spec, server: Server) -> None:
        self._loop = loop
        self._bundle = bundle
        self._config = config
        self._spec = spec
        self._server = server
        self._status: Status = "created"
        self._init: Init | None = None
        self._is_ending = False
        self._timer: Timer | None = None
        self._ended = (_KILLED, 0)
        self._started_at: int | None = None
        self._error: str | None = None
        self._log: LogWriter | None = None
        self._streams = Streams(
            loop,
            stdin_once=config["stdin_once"],
            on_end=self._check_end,
            on_detach=lambda: self._server.tell({"event": "detach", "exec": None}),
            on_settled=self._check_settled,
        )
        self._execs = Execs(loop, self._tell_all, self._check_end)

    def make(self) -> None:
        """Make everything but the program's own process image, and tell; what fails is told too."""
        try:
            self._init = self._make()
        except (errors.EngineError, OSError) as error:
            self._fail(error)
            return
        self._loop.add(self._init.pidfd, event.IN, self._init_ended)
        failpoint("shim.created")
        netlink, self._init.netlink = self._init.netlink, None
        fds = [] if netlink is None else [netlink]
        self._server.tell({"event": "created", "pid": self._init.pid}, fds)
        close_all(fds)

    def _make(self) -> Init:
        self._log = _open_log(self._config["log"])
        self._streams.log = self._log
        size = self._config.get("console_size")
        stdio = None if self._config["tty"] else self._streams.open_pipes(stdin=self._config["open_stdin"])
        try:
            failpoint("shim.create")
            init = create(
                self._spec,
                self._bundle,
                root=self._config["root"],
                stdio=stdio,
                console_size=(size[0], size[1]) if size else None,
            )
        finally:
            close_all(stdio or ())
        if init.console is not None:
            master, init.console = init.console, None
            self._streams.use_console(master)
        return init

    def _fail(self, error: errors.EngineError | OSError) -> None:
        """Record and tell that the container could not be made, and end."""
        self._error = str(error)
        self._ended = (128, time.time_ns())
        self._streams.close()
        _try_to(lambda: write_exit(self._bundle, self._record(oom_killed=False)))
        failpoint("shim.failed")
        self._server.tell({"event": "failed", "error": describe(error)})
        self._server.close()
        self._loop.stop()

    @property
    def _living(self) -> Init:
        """The init, as long as the container has not ended."""
        if self._init is None or self._is_ending:
            raise errors.Conflict("the container has ended")
        return self._init

    # What wharfd asks for (`requests.py`).

    def start(self) -> int:
        """Execute the program and return when that was, in nanoseconds of the wall clock."""
        if self._status != "created":
            raise errors.Conflict("the container is started already")
        try:
            self._living.start()
        except errors.EngineError as error:
            self._error = str(error)
            raise
        self._started_at = time.time_ns()
        self._status = "running"
        failpoint("shim.started")
        return self._started_at

    def attach(self, client: socket.socket, wants: Attach) -> None:
        """Join a client, whose socket is ours now."""
        self._streams.attach(client, wants)

    def signal(self, number: int, *, to_all: bool) -> None:
        """Send a signal to the init, or to every process of the container."""
        init = self._living
        if not 0 <= number < signal.NSIG:
            raise errors.InvalidParameter(f"invalid signal {number}")
        failpoint("shim.signal")
        if to_all and number == signal.SIGKILL:
            init.cgroup.kill()
        elif to_all:
            for pid in init.cgroup.processes():
                _send(pid, number)
        else:
            try:
                signal.pidfd_send_signal(init.pidfd, number)
            except ProcessLookupError as error:
                raise errors.Conflict("the container has ended") from error
        if number == signal.SIGKILL and self._status == "paused":
            self._thaw(init)  # on cgroup v1 a frozen process does not even die

    def resize(self, height: int, width: int, name: str | None) -> None:
        """Set the size of the terminal, or of that of exec `name`."""
        if name is not None:
            self._execs.resize(name, height, width)
        elif self._streams.console >= 0:
            pty.set_size(self._streams.console, height, width)
        else:
            raise errors.Conflict("the container has no terminal")

    def execute(self, name: str, process: Process, wants: Attach, client: socket.socket | None) -> int:
        """Execute a further process and return its pid; `client` is ours now."""
        try:
            init = self._living
            if self._status != "running":
                raise errors.Conflict(f"the container is {self._status}")
        except errors.Conflict:
            if client is not None:
                client.close()
            raise
        target = Target(self._spec, init.pid, init.pidfd, init.cgroup)
        return self._execs.start(name, process, wants, client, target)

    def pause(self) -> None:
        """Freeze every process."""
        if self._status != "running":
            raise errors.Conflict(f"the container is {self._status}")
        failpoint("shim.pause")
        self._living.cgroup.freeze()
        self._status = "paused"

    def resume(self) -> None:
        """Let the processes run again."""
        if self._status != "paused":
            raise errors.Conflict(f"the container is {self._status}")
        self._thaw(self._living)

    def _thaw(self, init: Init) -> None:
        failpoint("shim.resume")
        init.cgroup.thaw()
        self._status = "running"

    def kill(self) -> None:
        """Give up a container that was not started, or kill one outright."""
        init = self._living
        if self._started_at is not None:
            init.cgroup.kill()
            return
        self._abandon()
        self._ended = (_KILLED, time.time_ns())
        self._loop.later(0, self._close_streams)  # the answer first

    def state(self) -> ContainerState:
        """Tell a wharfd that was away how things are."""
        return {
            "status": "stopped" if self._is_ending else self._status,
            "pid": self._init.pid if self._init is not None else 0,
            "started_at": self._started_at,
            "execs": self._execs.states(),
        }

    def left_alone(self) -> None:
        """Nobody is connected any more: wharfd died. A container that was not started is given up."""
        if self._init is not None and self._started_at is None and not self._is_ending:
            self._loop.later(0, self._give_up)

    def _give_up(self) -> None:
        if self._is_ending or self._server.connections:
            return
        self._abandon()
        self._streams.close()
        self._loop.stop()

    def _abandon(self) -> None:
        """Undo a created container."""
        init = self._living
        self._is_ending = True
        self._loop.remove(init.pidfd)
        failpoint("shim.abandon")
        init.abandon()

    # The end, step by step.

    def _init_ended(self, _events: int) -> None:
        init = self._living
        self._is_ending = True
        self._loop.remove(init.pidfd)
        self._ended = wait_status(init.pidfd)
        failpoint("shim.reaped")
        self._streams.drain()
        if not (self._streams.is_ended and self._execs.are_all_done):
            # Without a pid namespace of its own, nobody else ends what the init has left behind.
            _try_to(init.cgroup.kill)
            self._timer = self._loop.later(STRAY_S, self._close_streams)
        self._check_end()

    def _check_end(self) -> None:
        if self._is_ending and self._streams.is_ended and self._execs.are_all_done:
            self._close_streams()

    def _close_streams(self) -> None:
        """Complete the log and let the clients have the rest."""
        if self._status == "stopped":
            return
        self._status = "stopped"
        if self._timer is not None:
            self._timer.cancel()
        self._execs.give_up()
        self._streams.drain()
        if self._log is not None:
            self._log.close()
        self._timer = self._loop.later(FLUSH_S, self._finish)
        self._streams.finish()
        self._check_settled()

    def _check_settled(self) -> None:
        """Go on when the last client has gone."""
        if self._status == "stopped" and not self._streams.clients and not self._loop.is_stopped():
            if self._server.is_open:
                self._finish()
            else:
                self._loop.stop()

    def _finish(self) -> None:
        """Remove the cgroup, record, tell, end."""
        assert self._init is not None
        if self._timer is not None:
            self._timer.cancel()
        cgroup = self._init.cgroup
        oom_killed = bool(_try_to(cgroup.oom_killed))
        failpoint("shim.cgroup")
        _try_to(cgroup.remove)
        self._init.close()
        record = self._record(oom_killed=oom_killed)
        _try_to(lambda: write_exit(self._bundle, record))
        failpoint("shim.recorded")
        self._server.tell({"event": "exit", **record})
        self._server.close()
        if self._streams.clients:
            self._loop.later(LINGER_S, self._loop.stop)
        else:
            self._loop.stop()

    def _record(self, *, oom_killed: bool) -> ExitRecord:
        status, exited_at = self._ended
        return {
            "status": status,
            "oom_killed": oom_killed,
            "started_at": self._started_at,
            "exited_at": exited_at,
            "error": self._error,
        }

    def _tell_all(self, message: dict[str, object]) -> bool:
        self._server.tell(message)
        return bool(self._server.connections)


def _open_log(config: LogConfig) -> LogWriter | None:
    if config["driver"] == "none":
        return None
    return JsonFile(config["path"], max_size=config["max_size"], max_file=config["max_file"])


def _send(pid: int, number: int) -> None:
    """Send a signal to one of many, which may have ended meanwhile."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _try_to(step: Callable[[], T]) -> T | None:
    """Take a step of the end that must not keep the others from being taken."""
    try:
        return step()
    except OSError:
        return None
