"""A spawner with jobs made for tests: as a program, and the command line that runs it.

Run as a program it serves like `daemon/warm.py`, without the rooms above the spawner.
"""

import os
import signal
import socket
import sys
import time
from typing import NoReturn

SOURCE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "src")

if __name__ == "__main__":
    sys.path.insert(0, sys.argv[2])

# ruff: noqa: E402 - found by the line above
from wharf import errors
from wharf.linux import seqpacket
from wharf.spawner.reserve import AwaitOrder
from wharf.spawner.server import serve


def program() -> list[str]:
    """Return the command line of a spawner with the jobs below."""
    return [os.path.realpath(sys.executable), "-I", "-S", os.path.abspath(__file__), "3", SOURCE]


def _result(channel: socket.socket, **fields: object) -> None:
    seqpacket.send(channel, {"event": "result", **fields})


def echo(args: dict[str, object], channel: socket.socket, fds: list[int]) -> None:
    _result(channel, args=args, read=[os.read(fd, 100).decode() for fd in fds])


def census(_args: dict[str, object], channel: socket.socket, _fds: list[int]) -> None:
    """Tell what a worker finds open, and how it was set up."""
    listed = [int(name) for name in os.listdir("/proc/self/fd")]
    fds = [fd for fd in listed if os.path.lexists(f"/proc/self/fd/{fd}")]
    with open("/proc/self/status", encoding="ascii") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file)
    _result(
        channel,
        fds=fds,
        channel_fd=channel.fileno(),
        blocked=status["SigBlk"],
        caught=status["SigCgt"],
        wakeup=signal.set_wakeup_fd(-1),
    )


def count(args: dict[str, object], channel: socket.socket, _fds: list[int]) -> None:
    for number in range(int(str(args["to"]))):
        seqpacket.send(channel, {"event": "progress", "number": number})
    _result(channel)


def conflict(_args: dict[str, object], _channel: socket.socket, _fds: list[int]) -> None:
    raise errors.Conflict("taken") from FileExistsError(17, "File exists")


class OurOwn(errors.NotFound):
    """A room's own kind travels as the kind below it."""


def own_kind(_args: dict[str, object], _channel: socket.socket, _fds: list[int]) -> None:
    raise OurOwn("no such thing")


def refused(_args: dict[str, object], _channel: socket.socket, _fds: list[int]) -> None:
    os.open("/nowhere/at/all", os.O_RDONLY)


def bug(_args: dict[str, object], _channel: socket.socket, _fds: list[int]) -> None:
    raise ZeroDivisionError


def die(_args: dict[str, object], _channel: socket.socket, _fds: list[int]) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def nonsense(_args: dict[str, object], channel: socket.socket, _fds: list[int]) -> None:
    channel.send(b"not json")


def hang(_args: dict[str, object], channel: socket.socket, _fds: list[int]) -> None:
    seqpacket.send(channel, {"event": "progress", "pid": os.getpid()})
    time.sleep(60)


def kill_spawner(_args: dict[str, object], _channel: socket.socket, _fds: list[int]) -> None:
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)


JOBS = {
    job.__name__: job
    for job in (echo, census, count, conflict, own_kind, refused, bug, die, nonsense, hang, kill_spawner)
}


def stand_by(await_order: AwaitOrder) -> NoReturn:
    """Tell about this process once there is an order, then live until the channel ends."""
    bundle, channel = await_order(lambda _: None)
    seqpacket.send(
        channel,
        {
            "event": "created",
            "bundle": bundle,
            "pid": os.getpid(),
            "session": os.getsid(0),
            "cwd": os.getcwd(),
            "stdio": [os.readlink(f"/proc/self/fd/{fd}") for fd in range(3)],
            "open": [fd for fd in range(256) if os.path.lexists(f"/proc/self/fd/{fd}")],
            "channel": channel.fileno(),
        },
    )
    seqpacket.receive(channel)
    os._exit(7)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), JOBS, stand_by)
