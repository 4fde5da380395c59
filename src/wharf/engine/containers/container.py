"""A container in memory: its record, its condition, its one lock, and the run that is going on."""

import asyncio
import os
import socket
from typing import NamedTuple

import msgspec

from wharf.aio.peer import Peer
from wharf.engine.containers.record import Condition, Record, Status
from wharf.errors import Conflict
from wharf.network.endpoint import Endpoint
from wharf.volume.volume import Volume


class PendingClient(NamedTuple):
    """A client that attached before the container was started; its socket is ours until a shim takes it."""

    sock: socket.socket
    leftover: bytes
    fields: dict[str, object]
    gate: int = -1

    def close(self) -> None:
        """Let it go."""
        self.sock.close()
        if self.gate >= 0:
            os.close(self.gate)


class Run:
    """One start of a container: the way to its shim and what it holds outside of it."""

    def __init__(self, endpoints: list[Endpoint]) -> None:
        self.endpoints = endpoints
        self.is_killed = False
        """Whether it was sent SIGKILL: a pause that is on its way then lets it go on, to die."""
        self.volumes: list[str] = []
        """The volumes that are mounted, one for each of their places."""
        self.recording: asyncio.Future[list[None]] | None = None
        """Puts the endpoints on record; at a start, nothing is plugged before."""
        self.peer: Peer | None = None
        self.created: asyncio.Future[tuple[int, int | None]] = asyncio.get_running_loop().create_future()
        """Resolves to the init's pid and the netlink descriptor (ours) of its network namespace, if new."""
        self.news: asyncio.Queue[dict[str, object] | None] = asyncio.Queue()
        """What the shim tells, in order; None when it has recorded the container's end, or is gone."""
        self.was_cut_short = False
        """Whether the shim was killed, so that it cannot keep to the restart policy."""
        self.is_final = False
        """Whether a user wants the container to stay down."""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Resolves when the end of the run is on record."""

    @property
    def shim(self) -> Peer:
        """The connection to the shim."""
        if self.peer is None:
            raise Conflict("the container is not started yet")
        return self.peer


class Container:
    """A thing with a life: verbs take `lock`, and change it by replacing `condition`."""

    def __init__(self, record: Record, condition: Condition) -> None:
        self.record = record
        self.condition = condition
        self.lock = asyncio.Lock()
        self.run: Run | None = None
        self.is_being_removed = False
        self.pending_clients: list[PendingClient] = []
        self.exec_ids: list[str] = []
        self.freezes = 0
        """How many commits hold it frozen; changed under `freezing`."""
        self.freezing = asyncio.Lock()
        self.doomed_volumes: list[Volume] = []
        """Those that go with it, once it is off the record."""
        self._next_exit: list[asyncio.Future[Condition]] = []
        self._removed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def id(self) -> str:
        """The 64 hexadecimal digits."""
        return self.record.id

    @property
    def name(self) -> str:
        """The name without Docker's leading slash."""
        return self.record.name

    @property
    def is_alive(self) -> bool:
        """Whether the container has processes, or waits for its next start: Docker's `Running`."""
        return self.condition.status.is_alive

    @property
    def has_process(self) -> bool:
        """Whether the container has processes now."""
        return self.is_alive and self.condition.status is not Status.RESTARTING

    def with_condition(self, **changes: object) -> Condition:
        """Return the condition with `changes` made; nothing is stored yet."""
        return msgspec.structs.replace(self.condition, **changes)

    def next_exit(self) -> "asyncio.Future[Condition]":
        """Return a future that resolves at the next exit to the condition it left."""
        future: asyncio.Future[Condition] = asyncio.get_running_loop().create_future()
        self._next_exit = [waiting for waiting in self._next_exit if not waiting.done()]
        self._next_exit.append(future)
        return future

    @property
    def removed(self) -> "asyncio.Future[None]":
        """A future that resolves when the container is gone; shared, so shield it."""
        return self._removed

    def tell_exited(self) -> None:
        """Wake those who wait for an exit."""
        for future in self._next_exit:
            if not future.done():
                future.set_result(self.condition)
        self._next_exit.clear()

    def tell_removed(self) -> None:
        """Wake those who wait for the removal, and those who wait for an exit that will never come."""
        self.drop_pending_clients()
        self.tell_exited()
        if not self._removed.done():
            self._removed.set_result(None)

    def take_pending_clients(self) -> list[PendingClient]:
        """Return the clients that wait for a start; they are the caller's now."""
        clients, self.pending_clients = self.pending_clients, []
        return clients

    def drop_pending_clients(self) -> None:
        """Close the clients that waited for a start that will not come."""
        for client in self.take_pending_clients():
            client.close()

    @property
    def visible_status(self) -> Status:
        """The state as users see it."""
        return Status.REMOVING if self.is_being_removed else self.condition.status
