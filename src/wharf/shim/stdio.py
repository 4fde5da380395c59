"""The streams of one process, the container's first or an exec'd one, and the clients joined to it."""

import os
import socket
from collections.abc import Callable

from wharf import errors
from wharf.shim.attach import Client
from wharf.shim.log.writer import LogWriter
from wharf.shim.loop import Loop
from wharf.shim.protocol import Attach
from wharf.shim.stream import STDERR, STDOUT, Input, Output


class Streams:
    """Streams and clients of one process, read into `log`, once `use` has given them.

    `stdin_once`: the first client to close its side ends the process's stdin, as Docker's StdinOnce; if not,
    that only ends the client's visit, and on a terminal it always does. `on_end` is called when every output
    has ended, `on_detach` when a client typed its detach keys, `on_settled` when the last client has gone.

    A client is let go when nothing more can come to it; if `is_patient`, not before `dismiss` or `finish`.
    """

    __slots__ = (
        "_input",
        "_is_finished",
        "_is_patient",
        "_loop",
        "_on_detach",
        "_on_end",
        "_on_settled",
        "_outputs",
        "clients",
        "console",
        "log",
        "stdin_once",
    )

    def __init__(
        self,
        loop: Loop,
        *,
        on_end: Callable[[], None],
        on_detach: Callable[[], None],
        on_settled: Callable[[], None],
        is_patient: bool = False,
    ) -> None:
        self._loop = loop
        self._is_patient = is_patient
        self.log: LogWriter | None = None
        self.stdin_once = True
        self._on_end = on_end
        self._on_detach = on_detach
        self._on_settled = on_settled
        self._input: Input | None = None
        self._outputs: list[Output] = []
        self._is_finished = False
        self.console = -1
        """The master of the terminal, borrowed from its output; -1 without one."""
        self.clients: list[Client] = []

    def use(self, fds: list[int], *, console: bool) -> None:
        """Take our ends of the streams, which are ours now, as a maker sends them (`maker.py`)."""
        if console:
            self._use_console(fds[0])
            return
        *stdin, stdout, stderr = fds
        for fd in stdin:
            self._input = Input(self._loop, fd, self._resume_clients)
        for stream, fd in ((STDOUT, stdout), (STDERR, stderr)):
            self._outputs.append(Output(self._loop, fd, stream, self.log, self._output_ended))

    def _use_console(self, master: int) -> None:
        """Make the streams of a terminal's master: one output, and input always."""
        self._input = Input(self._loop, os.dup(master), self._resume_clients)
        self._outputs.append(Output(self._loop, master, STDOUT, self.log, self._output_ended))
        self.console = master

    @property
    def is_ended(self) -> bool:
        """Whether every output has ended."""
        return all(output.is_ended for output in self._outputs)

    def attach(self, sock: socket.socket, wants: Attach, gate: int = -1) -> None:
        """Join a client, whose socket and gate, if it has one, are ours now."""
        if self._is_finished:
            sock.close()
            if gate >= 0:
                os.close(gate)
            raise errors.Conflict("the process has ended")
        if self.console < 0:
            wants = wants._replace(detach_keys=b"")  # Docker looks for them on terminals only
        if self._input is None:
            wants = wants._replace(stdin=False)
        client = Client(self._loop, sock, wants, self, gate)
        self.clients.append(client)
        for output in self._outputs:
            wanted = wants.stdout if output.stream == STDOUT else wants.stderr
            if wanted and not output.is_ended:
                output.clients.append(client)
        if wants.stdin and self._input is not None and self._input.is_full:
            client.pause()
        client.begin()

    def resume(self) -> None:
        """Read again, where that was stopped and nobody is full any more."""
        for output in self._outputs:
            output.resume()

    def drain(self) -> None:
        """Read all that is there: nobody writes any more."""
        for output in self._outputs:
            output.drain()

    def finish(self) -> None:
        """Read and take nothing more; clients are closed as they get what they are owed."""
        self._is_finished = True
        self._close_streams()
        for client in list(self.clients):
            client.finish()

    def close(self) -> None:
        """Close everything now."""
        self._is_finished = True
        self._close_streams()
        for client in list(self.clients):
            client.close()

    def _close_streams(self) -> None:
        if self._input is not None:
            self._input.close()
        for output in self._outputs:
            output.close()

    def dismiss(self) -> None:
        """Let clients go from now on."""
        self._is_patient = False
        for client in list(self.clients):
            self._dismiss(client)

    def _output_ended(self) -> None:
        for client in list(self.clients):
            self._dismiss(client)
        if self.is_ended:
            self.console = -1
            self._on_end()

    def _dismiss(self, client: Client) -> None:
        """Finish a client that nothing more can come from or go to."""
        if self._is_patient:
            return
        awaited = any(client in output.clients for output in self._outputs if not output.is_ended)
        if not awaited and not client.wants.stdin:
            client.finish()

    def _resume_clients(self) -> None:
        for client in list(self.clients):
            client.resume()

    # What clients call (`attach.Joined`).

    def typed(self, data: bytes) -> bool:
        """Pass on what a client typed."""
        if self._input is None:
            return True
        self._input.write(data)
        return not self._input.is_full

    def input_ended(self, client: Client) -> None:
        """End stdin, or the client's visit: what Docker does when a client closes its side."""
        if self.stdin_once and self.console < 0:
            if self._input is not None:
                self._input.end()
            self._dismiss(client)
        else:
            client.finish()

    def detached(self, _client: Client) -> None:
        """Tell of it; the process goes on."""
        self._on_detach()

    def drained(self, client: Client) -> None:
        """Read again for who has caught up."""
        for output in self._outputs:
            if client in output.clients:
                output.resume()

    def gone(self, client: Client) -> None:
        """Forget a client."""
        self.clients.remove(client)
        for output in self._outputs:
            if client in output.clients:
                output.clients.remove(client)
                output.resume()
        if not self.clients:
            self._on_settled()
