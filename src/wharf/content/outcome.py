"""What the jobs of this room have in common: checked arguments in, progress and one result out.

Errors are the spawner's business (`spawner/server.py`): whatever kind a job raises is what the caller gets.
"""

import socket
import time
from collections.abc import Callable, Mapping

from wharf.linux import seqpacket

Job = Callable[[dict[str, object], socket.socket, list[int]], None]
Tell = Callable[[Mapping[str, object]], None]
Work = Callable[[dict[str, object], list[int], Tell], Mapping[str, object]]

_INTERVAL_S = 0.1


def job(work: Work) -> Job:
    """Return a job that runs `work(args, fds, tell)` and sends what it returns; `tell` sends progress.

    Progress that comes faster than ten times a second is dropped.
    """

    def run(args: dict[str, object], channel: socket.socket, fds: list[int]) -> None:
        result = work(args, fds, _teller(channel))
        seqpacket.send(channel, {"event": "result", **result})

    return run


def _teller(channel: socket.socket) -> Tell:
    last = 0.0

    def tell(fields: Mapping[str, object]) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _INTERVAL_S:
            last = now
            seqpacket.send(channel, {"event": "progress", **fields})

    return tell


def integer(args: Mapping[str, object], key: str) -> int:
    """Return the int argument `key`; raises TypeError when it is none, a bug of the caller."""
    value = args[key]
    if not isinstance(value, int):
        raise TypeError(f"argument {key} is {type(value).__name__}, not int")
    return value


def strings(args: Mapping[str, object], key: str) -> list[str]:
    """Return the list of strings `key`; raises TypeError when it is none, a bug of the caller."""
    value = args[key]
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TypeError(f"argument {key} is no list of strings")
    return value
