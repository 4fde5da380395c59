"""Processes executed in the running container, each with streams, a client and an exit status of its own."""

import os
import signal
import socket
import time
from collections.abc import Callable

from wharf import errors
from wharf.linux import pty
from wharf.runtime.errors import EXEC_KINDS
from wharf.runtime.message import Failed, Started
from wharf.shim import loop as event
from wharf.shim.log.writer import LogWriter
from wharf.shim.loop import Loop, Timer
from wharf.shim.maker import Maker, Makers, Report, Target, Work, make_probe, make_process
from wharf.shim.protocol import Attach, ExecState, Execution, describe
from wharf.shim.record import wait_status
from wharf.shim.server import Answer
from wharf.shim.stdio import Streams

STRAY_S = 2.0
"""How long what an exec'd process left behind may go on writing to its streams; Docker's figure."""


PATIENCE_S = 1.0
"""How long a client is kept after the last output of a process that goes on."""


class _Exec:
    """One exec'd process, from its maker's fork until its streams are done with."""

    __slots__ = (
        "client",
        "exited_at",
        "maker",
        "name",
        "on_end",
        "pid",
        "pidfd",
        "status",
        "streams",
        "timer",
        "wants",
    )

    def __init__(self, name: str, maker: Maker, streams: Streams, wants: Attach) -> None:
        self.name = name
        self.maker = maker
        self.streams = streams
        self.wants = wants
        self.client: socket.socket | None = None
        self.pid = 0
        self.pidfd = -1
        self.status: int | None = None
        self.exited_at = 0
        self.timer: Timer | None = None
        self.on_end: Callable[[int], None] | None = None
        """Hears the exit status in wharfd's place."""


_NO_CLIENT = Attach(stdin=False, stdout=False, stderr=False, detach_keys=b"", framed=False)


class Execs:
    """All of them. `tell(event)` returns whether anybody heard.

    `on_done` is called after each end, `on_settled` when a client of one that ended has got what it was owed.
    """

    __slots__ = ("_living", "_loop", "_makers", "_on_done", "_on_settled", "_owing", "_tell", "_unheard")

    def __init__(
        self,
        loop: Loop,
        makers: Makers,
        tell: Callable[[dict[str, object]], bool],
        on_done: Callable[[], None],
        on_settled: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._makers = makers
        self._tell = tell
        self._on_done = on_done
        self._on_settled = on_settled
        self._living: dict[str, _Exec] = {}
        self._unheard: dict[str, ExecState] = {}
        self._owing: list[Streams] = []

    def start(self, wanted: Execution, client: socket.socket | None, target: Target, answer: Answer) -> None:
        """Execute what is `wanted` in `target`, and answer with its pid or what the runtime says.

        `client` is ours from here on, and joined to it. Raises Conflict when there is one of that name.
        """
        name = wanted.name
        if name in self._living:
            raise errors.Conflict(f"exec {name} is running already")
        bundle, process, stdin = self._makers.bundle, wanted.process, wanted.wants.stdin
        made = self._launch(
            name, lambda sock: make_process(sock, bundle, process, target, stdin=stdin), target, wanted.wants
        )
        made.client = client
        self._listen(made, answer)

    def probe(
        self, name: str, target: Target, output: LogWriter, *, answer: Answer, on_end: Callable[[int], None]
    ) -> None:
        """Execute the container's health check in `target` and write what it prints to `output`.

        `on_end` gets the exit status of a process that `answer` was told of.
        """
        bundle = self._makers.bundle
        made = self._launch(name, lambda sock: make_probe(sock, bundle, target), target, _NO_CLIENT)
        made.streams.log = output
        made.on_end = on_end
        self._listen(made, answer)

    def end_probe(self, name: str) -> None:
        """Kill a probe; one that has ended, or is not a process yet, is left alone."""
        found = self._living.get(name)
        if found is not None and found.pid and found.status is None:
            signal.pidfd_send_signal(found.pidfd, signal.SIGKILL)

    def _launch(self, name: str, work: Work, target: Target, wants: Attach) -> _Exec:
        """Fork the maker of a process, whose reports nobody hears yet."""
        maker = self._makers.fork(work, [target.pidfd])
        streams = Streams(
            self._loop,
            on_end=lambda: self._streams_ended(name),
            on_detach=lambda: self._detached(name),
            on_settled=self._settled,
            is_patient=True,
        )
        self._living[name] = made = _Exec(name, maker, streams, wants)
        return made

    def _listen(self, made: _Exec, answer: Answer) -> None:
        made.maker.listen(self._loop, lambda report: self._reported(made, answer, report))

    def _reported(self, made: _Exec, answer: Answer, report: Report | None) -> None:
        """Take a maker's report: the process, or why there is none."""
        maker = made.maker
        match report:
            case Started():
                made.pid, made.pidfd = maker.pid, maker.pidfd
                made.streams.use(maker.streams, console=maker.is_terminal)
                self._loop.add(made.pidfd, event.IN, lambda _: self._exited(made))
                answer({"result": {"pid": made.pid}})
                if made.client is not None:
                    made.streams.attach(made.client, made.wants)
                    made.client = None
            case Failed(text, kind):
                self._not_made(made, answer, EXEC_KINDS[kind](text))
            case None:
                self._not_made(made, answer, errors.Internal("the process's maker died"))

    def _not_made(self, made: _Exec, answer: Answer, error: errors.EngineError) -> None:
        if self._living.get(made.name) is not made:  # given up, or heard of already
            return
        del self._living[made.name]
        made.maker.end()
        made.maker.reap()
        # Not shut down: the engine still has the connection, and tells its client what went wrong.
        if made.client is not None:
            made.client.close()
        answer({"error": describe(error)})
        self._on_done()

    def resize(self, name: str, height: int, width: int) -> None:
        """Set the size of one's terminal; raises NotFound, or Conflict without a terminal."""
        found = self._living.get(name)
        if found is None:
            raise errors.NotFound(f"No such exec instance: {name}")
        if found.streams.console < 0:
            raise errors.Conflict("the process has no terminal")
        pty.set_size(found.streams.console, height, width)

    @property
    def are_all_done(self) -> bool:
        """Whether no exec'd process is left."""
        return not self._living

    @property
    def owe_nothing(self) -> bool:
        """Whether the clients of all that ended have been given everything."""
        return not self._owing

    def states(self) -> dict[str, ExecState]:
        """Return those that run, and those that ended while nobody listened; the latter once."""
        states, self._unheard = self._unheard, {}
        for name, made in self._living.items():
            if made.pid and made.on_end is None:
                states[name] = {"pid": made.pid, "running": made.status is None, "status": made.status}
        return states

    def give_up(self) -> None:
        """Be done with what is left: the container has ended."""
        for made in list(self._living.values()):
            if not made.pid:
                del self._living[made.name]  # whoever asked hears that we are gone
                if made.client is not None:
                    made.client.close()
                continue
            if made.status is None:
                made.status, made.exited_at = 128 + signal.SIGKILL, time.time_ns()
            self._done(made)

    def _exited(self, made: _Exec) -> None:
        self._loop.remove(made.pidfd)
        made.status, made.exited_at = wait_status(made.pidfd)
        if made.timer is not None:
            made.timer.cancel()
        made.streams.drain()
        if made.streams.is_ended:
            self._done(made)
        else:
            made.timer = self._loop.later(STRAY_S, lambda: self._done(made))

    def _streams_ended(self, name: str) -> None:
        made = self._living.get(name)
        if made is None:
            return
        if made.status is not None:
            self._done(made)
        else:
            # As a rule the process is about to end, and who sees the end of its output asks for its status.
            made.timer = self._loop.later(PATIENCE_S, made.streams.dismiss)

    def _done(self, made: _Exec) -> None:
        """Tell of the end, then close the client: who asks after its last byte gets the exit status."""
        if self._living.get(made.name) is not made:  # done already, and the name may be another's now
            return
        del self._living[made.name]
        if made.timer is not None:
            made.timer.cancel()
        message: dict[str, object] = {
            "event": "exec-exit",
            "exec": made.name,
            "status": made.status,
            "exited_at": made.exited_at,
        }
        if made.on_end is not None:
            assert made.status is not None
            made.on_end(made.status)
        elif not self._tell(message):
            self._unheard[made.name] = {"pid": made.pid, "running": False, "status": made.status}
        made.streams.finish()
        if made.streams.clients:
            self._owing.append(made.streams)
        self._loop.remove(made.pidfd)
        os.close(made.pidfd)
        self._on_done()

    def _settled(self) -> None:
        self._owing = [streams for streams in self._owing if streams.clients]
        self._on_settled()

    def _detached(self, name: str) -> None:
        self._tell({"event": "detach", "exec": name})
