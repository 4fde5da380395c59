"""`attach`: a client's connection joined to a container's streams.

The bytes never pass through wharfd: the client's socket goes to the shim by descriptor. A client that comes
before the start waits, as a descriptor, for the shim to come.
"""

import base64
import socket
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
    leftover: bytes = b""
    """What the client sent behind its request, before the connection was taken over."""

    def fields(self) -> dict[str, object]:
        """Return it as the fields of a message to the shim."""
        return {
            "stdin": self.stdin,
            "stdout": self.stdout,
            "stderr": self.stderr,
            "detach_keys": self.detach_keys,
            "framed": self.framed,
            "leftover": base64.b64encode(self.leftover).decode(),
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
    client = client._replace(leftover=leftover)
    context.emit(container, "attach")
    async with container.lock:
        run = container.run
        if run is None or not container.is_alive:
            container.pending_clients.append(PendingClient(sock, client.fields()))
            return
        with sock:
            await run.shim.call("attach", fds=(sock.fileno(),), **client.fields())
