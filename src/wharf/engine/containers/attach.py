"""`attach`: a client's connection joined to a container's streams.

The bytes never pass through wharfd: the client's socket goes to the shim by descriptor. A client that comes
before the start waits, as a descriptor, for the shim to come. One that wants the past too gets it from a
worker (`engine/logs/`), while the shim keeps what is new behind a gate: nothing is lost between the two.
"""

import contextlib
import os
import socket
from collections.abc import Iterator
from typing import NamedTuple, cast

from wharf.engine.containers import logs
from wharf.engine.containers.container import Container, PendingClient
from wharf.engine.containers.context import Context
from wharf.engine.containers.record import Status
from wharf.errors import Conflict, Unavailable
from wharf.schema.stream import LogOptions


class SocketClient(NamedTuple):
    """Which streams a client takes part in, and how they are put on its socket."""

    stdin: bool
    stdout: bool
    stderr: bool
    detach_keys: list[int]
    framed: bool

    def fields(self) -> dict[str, object]:
        """Return it as the fields of a message to the shim."""
        return {
            "stdin": self.stdin,
            "stdout": self.stdout,
            "stderr": self.stderr,
            "detach_keys": self.detach_keys,
            "framed": self.framed,
        }


def check_attachable(container: Container, ref: str) -> None:
    """Refuse where Docker does, with the name that the client gave."""
    if container.condition.status is Status.PAUSED:
        raise Conflict(f"container {ref} is paused, unpause the container before attach")
    if container.condition.status is Status.RESTARTING:
        raise Conflict(f"container {ref} is restarting, wait until the container is running")


async def join(
    context: Context,
    container: Container,
    sock: socket.socket,
    client: SocketClient,
    leftover: bytes,
    *,
    past: LogOptions | None,
    stays: bool,
) -> None:
    """Hand a client's socket, which is ours, to the container's shim, now or when it starts.

    `past` is the part of the log that it gets first; one that does not stay gets nothing else.
    """
    context.emit(container, "attach")
    if past is None:
        if stays:
            await _hand_over(container, sock, client, leftover)
        else:
            sock.close()
        return
    target = os.dup(sock.fileno())
    gate, opener = os.pipe2(os.O_CLOEXEC)
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, opener)
        stack.callback(os.close, target)
        if stays:
            # One that has just ended, or is gone, has a past even so.
            with contextlib.suppress(Conflict, Unavailable):
                since = await _hand_over(container, sock, client, leftover, gate)
                past = past._replace(until=since)
        else:
            sock.close()
            os.close(gate)
        await logs.pour(context, container, past, target, framed=client.framed)


async def _hand_over(
    container: Container, sock: socket.socket, client: SocketClient, leftover: bytes, gate: int = -1
) -> int:
    """Give a client to the shim, or keep it for the one to come; its socket and its gate are ours.

    Returns from when on it gets the output, in nanoseconds; 0 for all that is to come.
    """
    fields = {**client.fields(), "gated": gate >= 0}
    async with container.lock:
        run = container.run
        if run is None or not container.is_alive:
            container.pending_clients.append(PendingClient(sock, leftover, fields, gate))
            return 0
        with handed_over(sock, leftover, gate) as fds:
            result, _ = await run.shim.call("attach", fds=fds, **fields)
    return cast(int, result["at"])


@contextlib.contextmanager
def handed_over(sock: socket.socket | None, leftover: bytes, gate: int = -1) -> Iterator[list[int]]:
    """Give the descriptors that hand a client to a shim: its socket, its early input and its gate, if any.

    Early input is what came behind the request, before the connection was taken over. All is closed here
    afterwards: the shim has its own.
    """
    with contextlib.ExitStack() as stack:
        fds: list[int] = []
        if gate >= 0:
            stack.callback(os.close, gate)
        if sock is not None:
            fds.append(stack.enter_context(sock).fileno())
        if leftover:
            early = os.memfd_create("early input", os.MFD_CLOEXEC)
            stack.callback(os.close, early)
            os.write(early, leftover)
            fds.append(early)
        yield [*fds, gate] if gate >= 0 else fds
