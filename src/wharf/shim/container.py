"""One container's life in its shim: made, started, watched, ended, recorded.

    created ──start──▶ running ◀──pause/resume──▶ paused
       └───────────────────┴──── the init ends ────┴──▶ stopped, or restarting ──▶ running

At the end everything that was printed goes to the log and to the clients first, then the cgroup goes, then
`exit.json` is on disk, and only then anybody is told. A container whose policy says so is made again by a
fresh maker, in the network namespace of its first run, which this process holds meanwhile.
"""

import json
import os
import signal
import socket
import time
from collections.abc import Callable
from typing import TypeVar, cast

from wharf import errors
from wharf.failpoint import failpoint
from wharf.linux import pty
from wharf.linux.cgroup import Cgroup
from wharf.linux.seqpacket import close_all
from wharf.runtime.errors import CREATE_KINDS
from wharf.runtime.message import Failed, Ready, Start, Started, to_object
from wharf.shim import loop as event
from wharf.shim.execs import STRAY_S, Execs
from wharf.shim.health import Health
from wharf.shim.held import Held
from wharf.shim.log.drivers import open_log
from wharf.shim.log.writer import LogWriter
from wharf.shim.loop import Loop, Timer
from wharf.shim.maker import Maker, Makers, Planned, Report, Target, make_container
from wharf.shim.oom import OomWatch
from wharf.shim.protocol import (
    Attach,
    ContainerState,
    Execution,
    ExitRecord,
    HealthRules,
    LogConfig,
    RestartRules,
    Status,
    describe,
)
from wharf.shim.record import put_exit_away, wait_status, write_exit
from wharf.shim.restart import NAMES, Restarts
from wharf.shim.server import Answer, Server
from wharf.shim.stdio import Streams

FLUSH_S = 2.0
"""How long the end of a container waits for clients that do not read; Docker's figure."""

LINGER_S = 60.0
"""How long such clients may then go on reading what they are owed."""

_KILLED = 128 + signal.SIGKILL

T = TypeVar("T")


class Container:
    """The container that `maker` makes; stops the loop when there is nothing left to do."""

    __slots__ = (
        "_about",
        "_answer_start",
        "_early",
        "_ended",
        "_error",
        "_execs",
        "_former",
        "_health",
        "_held",
        "_init",
        "_is_ending",
        "_is_given_up",
        "_last",
        "_log",
        "_loop",
        "_maker",
        "_makers",
        "_oom",
        "_restarts",
        "_server",
        "_started_at",
        "_status",
        "_streams",
        "_timer",
    )

    def __init__(self, loop: Loop, server: Server, makers: Makers, maker: Maker) -> None:
        self._loop = loop
        self._server = server
        self._makers = makers
        self._maker = maker
        self._status: Status = "created"
        self._about: dict[str, object] = {}
        self._init: Target | None = None
        self._early: list[tuple[socket.socket, Attach, int]] = []
        self._answer_start: Answer | None = None
        self._is_ending = False
        self._is_given_up = False
        self._timer: Timer | None = None
        self._ended = (_KILLED, 0)
        self._started_at: int | None = None
        self._error: str | None = None
        self._log: LogWriter | None = None
        self._streams = self._new_streams()
        self._former: list[Streams] = []
        self._restarts = Restarts()
        self._last: ExitRecord | None = None
        self._held = Held()
        self._oom = OomWatch(loop, on_oom=lambda: server.tell({"event": "oom"}))
        self._execs = Execs(
            loop, makers, self._tell_of_exec, on_done=self._check_end, on_settled=self._check_settled
        )
        self._health: Health | None = None
        maker.listen(loop, self._reported)

    def _new_streams(self) -> Streams:
        return Streams(
            self._loop,
            on_end=self._check_end,
            on_detach=lambda: self._server.tell({"event": "detach", "exec": None}),
            on_settled=self._check_settled,
        )

    @property
    def _bundle(self) -> str:
        return self._makers.bundle

    # What the maker reports (`maker.py`).

    def _reported(self, report: Report | None) -> None:
        match report:
            case Planned(about):
                self._about = about
                self._oom.begin(str(about["cgroup"]), self._maker.streams.pop() if about["oom"] else -1)
            case Ready():
                self._made()
            case Started(moment):
                self._started(moment)
            case Failed(text, kind):
                self._not_made(CREATE_KINDS[kind](text))
            case None:
                self._not_made(errors.Internal("the container's maker died"))

    def _made(self) -> None:
        """Take over what the maker made, join the clients that came before it, and tell.

        If it ran before, it is started.
        """
        maker, about = self._maker, self._about
        self._init = init = Target(maker.pid, maker.pidfd, str(about["cgroup"]))
        self._log = open_log(cast("LogConfig", about["log"]), self._loop, self._streams.resume)
        self._streams.log = self._log
        self._streams.stdin_once = bool(about["stdin_once"])
        self._streams.use(maker.streams, console=maker.is_terminal)
        self._loop.add(init.pidfd, event.IN, self._init_ended)
        for client, wants, gate in self._early:
            self._streams.attach(client, wants, gate)
        self._early.clear()
        if self._last is not None:
            close_all(maker.netlink)
            self._restart()
            return
        if rules := cast("RestartRules | None", about["restart"]):
            self._restarts = Restarts(rules["name"], rules["maximum"], rules["count"])
        if about["health"] is not None:
            self._health = Health(self._loop, self._execs, self._server.tell, self._makers)
        self._held.wanted = cast("list[str]", about["shares"])
        self._hold_namespaces()
        failpoint("shim.created")
        self._server.tell({"event": "created", "pid": init.pid}, maker.netlink)
        close_all(maker.netlink)
        if not self._server.connections:
            self.left_alone()

    def _not_made(self, error: errors.EngineError) -> None:
        """Hear that there is no container, or that there is none any more before it was started."""
        if self._init is None:
            self._fail(error)
        else:
            # This is the end of the init too, which is heard of by its pidfd.
            self._error = str(error)
            self._answer({"error": describe(error)})

    def _started(self, moment: int) -> None:
        assert self._init is not None
        self._started_at = moment
        self._status = "running"
        failpoint("shim.started")
        if self._last is None:
            self._answer({"result": {"started_at": moment}})
        else:
            again = {"pid": self._init.pid, "started_at": moment, "restarts": self._restarts.count}
            self._server.tell({"event": "restarted", **again})
        if self._health is not None:
            self._health.begin(cast("HealthRules", self._about["health"]), self._init, moment)

    def _hold_namespaces(self) -> None:
        """Keep what the next run needs, if there may be one; the init is there, waiting or running."""
        if not (self._restarts.is_none or self._init is None or self._is_ending):
            self._held.hold(self._init.pid)

    def _answer(self, answer: dict[str, object]) -> None:
        """Answer the request to start, if it is under way."""
        if self._answer_start is not None:
            self._answer_start(answer)
            self._answer_start = None

    def _fail(self, error: errors.EngineError) -> None:
        """Record and tell that the container could not be made, and end."""
        self._maker.end()
        self._oom.end(has_killed=False)
        self._remove_cgroup()
        self._maker.reap()
        self._error = str(error)
        if self._last is not None:
            self._stay_down()
            return
        self._ended = (128, time.time_ns())
        _try_to(lambda: write_exit(self._bundle, self._record()))
        failpoint("shim.failed")
        self._drop_early()
        self._server.tell({"event": "failed", "error": describe(error)})
        self._server.close()
        self._loop.stop()

    def _remove_cgroup(self) -> None:
        """Remove what an init that could not go on, or a maker that was killed, has left."""
        try:
            with open(f"{self._bundle}/config.json", encoding="utf-8") as file:
                cgroup = Cgroup.load(json.load(file)["linux"]["cgroupsPath"])
            cgroup.kill()
            cgroup.remove()
        except (OSError, ValueError, KeyError):
            return

    @property
    def _living(self) -> Target:
        """The init, as long as the container has not ended."""
        self._must_not_be_ending()
        if self._init is None:
            raise errors.Conflict("it is not made yet")
        return self._init

    def _must_not_be_ending(self) -> None:
        if self._is_ending:
            raise errors.Conflict("the container has ended")

    def _drop_early(self) -> None:
        """Close the clients that came before a container that will not be made."""
        for client, _, gate in self._early:
            client.close()
            if gate >= 0:
                os.close(gate)
        self._early.clear()

    @property
    def _cgroup(self) -> Cgroup:
        """The container's cgroup; looked up when it is needed, since most containers never do."""
        return Cgroup.load(self._living.cgroup)

    # What wharfd asks for (`requests.py`).

    def start(self, answer: Answer) -> None:
        """Execute the program, and answer with the time of it in nanoseconds of the wall clock.

        This may be asked for before the container is made: the maker finds it when it has got so far.
        """
        if self._started_at is not None or self._answer_start is not None or self._last is not None:
            raise errors.Conflict("the container is started already")
        self._must_not_be_ending()
        self._answer_start = answer
        self._maker.say(to_object(Start()))

    def attach(self, client: socket.socket, wants: Attach, gate: int) -> None:
        """Join a client, whose socket is ours now, and its gate; -1 for none."""
        if self._init is None:
            self._early.append((client, wants, gate))
        else:
            self._streams.attach(client, wants, gate)

    def signal(self, number: int, *, to_all: bool) -> None:
        """Send a signal to the init, or to every process of the container."""
        init = self._living
        if not 0 <= number < signal.NSIG:
            raise errors.InvalidParameter(f"invalid signal {number}")
        failpoint("shim.signal")
        if to_all and number == signal.SIGKILL:
            self._cgroup.kill()
        elif to_all:
            for pid in self._cgroup.processes():
                _send(pid, number)
        else:
            try:
                signal.pidfd_send_signal(init.pidfd, number)
            except ProcessLookupError as error:
                raise errors.Conflict("the container has ended") from error
        if number == signal.SIGKILL and self._status == "paused":
            self._thaw()  # on cgroup v1 a frozen process does not even die

    def resize(self, height: int, width: int, name: str | None) -> None:
        """Set the size of the terminal, or of that of exec `name`."""
        if name is not None:
            self._execs.resize(name, height, width)
        elif self._streams.console >= 0:
            pty.set_size(self._streams.console, height, width)
        else:
            raise errors.Conflict("the container has no terminal")

    def execute(self, wanted: Execution, client: socket.socket | None, answer: Answer) -> None:
        """Execute a further process, and answer with its pid; `client` is ours now."""
        try:
            init = self._living
            if self._status != "running":
                raise errors.Conflict(f"the container is {self._status}")
            self._execs.start(wanted, client, init, answer)
        except (errors.EngineError, OSError):
            if client is not None:
                client.close()
            raise

    def pause(self) -> None:
        """Freeze every process."""
        if self._status != "running":
            raise errors.Conflict(f"the container is {self._status}")
        failpoint("shim.pause")
        self._cgroup.freeze()
        self._status = "paused"
        if self._health is not None:
            self._health.pause()

    def resume(self) -> None:
        """Let the processes run again."""
        if self._status != "paused":
            raise errors.Conflict(f"the container is {self._status}")
        self._thaw()

    def _thaw(self) -> None:
        failpoint("shim.resume")
        self._cgroup.thaw()
        self._status = "running"
        if self._health is not None:
            self._health.resume(self._living)

    def kill(self) -> None:
        """Kill every process for good; a container that was not started is given up by that."""
        if self.stop_by_hand(is_final=True) != "stopped":
            self._cgroup.kill()

    def set_restart_policy(self, name: str, maximum: int) -> None:
        """Keep to another policy from the next end on."""
        if name not in NAMES or maximum < 0:
            raise errors.InvalidParameter(f"invalid restart policy {name!r}")
        self._restarts.name, self._restarts.maximum = name, maximum
        self._hold_namespaces()

    def stop_by_hand(self, *, is_final: bool) -> Status:
        """Hear that a user ends the container, for good if `is_final`; return its state.

        One that waits for its next start stays down then, at once.
        """
        self._restarts.stop_by_hand(is_final=is_final)
        if is_final and self._is_waiting:
            assert self._timer is not None
            self._timer.cancel()
            self._timer = self._loop.later(0, self._stay_down)  # once whoever asked has been answered
            return "stopped"
        return self._status

    @property
    def _is_waiting(self) -> bool:
        """Whether the container is neither there nor being made, and will be."""
        return self._status == "restarting" and self._timer is not None and self._timer.callback is not None

    def state(self) -> ContainerState:
        """Tell a wharfd that was away how things are."""
        return {
            "status": "stopped" if self._is_ending else self._status,
            "pid": self._init.pid if self._init is not None else 0,
            "started_at": self._started_at,
            "execs": self._execs.states(),
            "restarts": self._restarts.count,
            "oom_killed": self._oom.count > 0,
            "ended": self._last,
        }

    def left_alone(self) -> None:
        """Nobody is connected any more: wharfd died. A container that was not started is given up."""
        is_waiting = self._started_at is None and self._answer_start is None and self._last is None
        if self._init is not None and is_waiting and not self._is_ending:
            self._is_given_up = True
            _try_to(self._cgroup.kill)

    # The end, step by step.

    def _init_ended(self, _events: int) -> None:
        init, cgroup = self._living, self._cgroup
        self._is_ending = True
        self._loop.remove(init.pidfd)
        self._maker.end()
        status, now = wait_status(init.pidfd)
        # Without a start the init ends by a signal, or by itself when it sees us gone: a race of no meaning.
        self._ended = (_KILLED if self._started_at is None else status, now)
        os.close(init.pidfd)
        if self._health is not None:
            self._health.pause()
        failpoint("shim.reaped")
        self._streams.drain()
        if not (self._streams.is_ended and self._execs.are_all_done):
            # Without a pid namespace of its own, nobody else ends what the init has left behind.
            _try_to(cgroup.kill)
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
        if self._status == "stopped" and self._are_settled and not self._loop.is_stopped():
            if self._server.is_open:
                self._finish()
            elif self._owes_nothing:
                self._loop.stop()

    @property
    def _are_settled(self) -> bool:
        return not self._streams.clients and self._execs.owe_nothing

    @property
    def _owes_nothing(self) -> bool:
        """Whether the clients of earlier runs have got everything, too."""
        return self._are_settled and not any(streams.clients for streams in self._former)

    def _finish(self) -> None:
        """Remove the cgroup, record, tell, end."""
        assert self._init is not None
        if self._timer is not None:
            self._timer.cancel()
        cgroup = Cgroup.load(self._init.cgroup)
        self._oom.end(has_killed=bool(_try_to(cgroup.oom_killed)))
        failpoint("shim.cgroup")
        _try_to(cgroup.remove)
        self._answer({"error": describe(errors.Conflict("the container has ended"))})
        delay_s = self._next_delay()
        if delay_s is not None:
            self._end_run(delay_s)
        elif self._started_at is None and self._last is not None:
            self._stay_down()
        else:
            self._end(self._record())

    def _end(self, record: ExitRecord) -> None:
        """Record and tell the end, and be done."""
        self._drop_early()
        self._held.let_go()
        if not self._is_given_up:
            _try_to(lambda: write_exit(self._bundle, record))
            failpoint("shim.recorded")
            self._server.tell({"event": "exit", **record})
        self._server.close()
        if self._owes_nothing:
            self._loop.stop()
        else:
            self._loop.later(LINGER_S, self._loop.stop)

    def _next_delay(self) -> float | None:
        """Return the seconds until the next start, None when there is none."""
        if self._started_at is None or self._is_given_up or not self._held.is_complete:
            return None
        status, ended_at = self._ended
        return self._restarts.next_delay(status, (ended_at - self._started_at) / 1_000_000_000)

    # Once more.

    def _end_run(self, delay_s: float) -> None:
        """Record and tell the end of a run, and wait for the next."""
        self._last = {**self._record(), "restarting": True}
        _try_to(lambda: write_exit(self._bundle, cast(ExitRecord, self._last)))
        failpoint("shim.run.recorded")
        self._init = None
        self._is_ending = False
        self._started_at = self._error = None
        self._status = "restarting"
        self._former = [streams for streams in (*self._former, self._streams) if streams.clients]
        self._streams = self._new_streams()
        self._timer = self._loop.later(delay_s, self._make_again)
        self._server.tell({"event": "exit", **self._last, "delay_ms": round(delay_s * 1000)})

    def _make_again(self) -> None:
        self._timer = None
        failpoint("shim.restart")
        put_exit_away(self._bundle)
        bundle, held = self._bundle, dict(self._held.fds)
        try:
            self._maker = self._makers.fork(lambda sock: make_container(sock, bundle, held), [*held.values()])
        except OSError as error:  # no process can be made now
            self._error = str(error)
            self._stay_down()
            return
        self._maker.listen(self._loop, self._reported)

    def _restart(self) -> None:
        """Start what a maker has made for another run, unless a user wants it to stay down by now."""
        failpoint("shim.remade")
        if self._restarts.is_final:
            _try_to(self._cgroup.kill)
        else:
            self._maker.say(to_object(Start()))

    def _stay_down(self) -> None:
        """End without another run: the end of the last one is the container's."""
        assert self._last is not None
        self._status = "stopped"
        if self._timer is not None:
            self._timer.cancel()
        self._drop_early()
        self._end({**self._last, "restarting": False, "error": self._error})

    def _record(self) -> ExitRecord:
        status, exited_at = self._ended
        return {
            "status": status,
            "oom_killed": self._oom.count > 0,
            "started_at": self._started_at,
            "exited_at": exited_at,
            "error": self._error,
            "restarting": False,
            "restarts": self._restarts.count,
        }

    def _tell_of_exec(self, message: dict[str, object]) -> bool:
        self._server.tell(message)
        return bool(self._server.connections)


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
