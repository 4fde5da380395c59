"""`attach`: a client's connection joined to a container's streams.

The bytes never pass through wharfd: the client's socket goes to the shim by descriptor. A client that comes
before the start waits, as a descriptor, for the shim to come.
"""

import contextlib
import os
import socket
from collections.abc import Iterator
from typing import NamedTuple

from wharf.engine.containers.container import Container, PendingClient
from wharf.engine.containers.context import Context
from wharf.engine.containers.record import Status
from wharf.errors import Conflict


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


def check_attachable(container: Container) -> None:
    """Refuse where Docker does."""
    if container.condition.status is Status.PAUSED:
        raise Conflict(f"container {container.id} is paused, unpause the container before attach")
    if container.condition.status is Status.RESTARTING:
        raise Conflict(f"container {container.id} is restarting, wait until the container is running")


async def join(
    context: Context, container: Container, sock: socket.socket, client: SocketClient, leftover: bytes
) -> None:
    """Hand a client's socket, which is ours, to the container's shim, now or when it starts."""
    context.emit(container, "attach")
    async with container.lock:
        run = container.run
        if run is None or not container.is_alive:
            container.pending_clients.append(PendingClient(sock, leftover, client.fields()))
            return
        with handed_over(sock, leftover) as fds:
            await run.shim.call("attach", fds=fds, **client.fields())


@contextlib.contextmanager
def handed_over(sock: socket.socket | None, leftover: bytes) -> Iterator[list[int]]:
    """Give the descriptors that hand a client to a shim: its socket and, if there is any, its early input.

    Early input is what came behind the request, before the connection was taken over. All is closed here
    afterwards: the shim has its own.
    """
    with contextlib.ExitStack() as stack:
        fds: list[int] = []
        if sock is not None:
            fds.append(stack.enter_context(sock).fileno())
        if leftover:
            early = os.memfd_create("early input", os.MFD_CLOEXEC)
            stack.callback(os.close, early)
            os.write(early, leftover)
            fds.append(early)
        yield fds
