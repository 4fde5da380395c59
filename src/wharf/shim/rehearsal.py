"""Run the shim's ordinary life before there is a container, so that real shims are smaller.

CPython writes to a function's code as it warms up, and fills caches beside it. Done in the spawner, that is
shared by all shims; otherwise each copies the pages: about 0.4 MiB per container. Everybody else is played
by a child. The bundle is in a file system of its own which is mounted nowhere.
"""

import os
import socket
import sys
from collections.abc import ItemsView, Sequence
from typing import NoReturn

from wharf.failpoint import arm
from wharf.linux import mount, seqpacket
from wharf.linux.clone import CloneFlag, clone3
from wharf.runtime.message import Born, Ready, Started, to_object
from wharf.shim.main import serve
from wharf.shim.protocol import HealthRules, LogConfig

_TIMES = 10
"""CPython writes to code at its first eight calls, and once more as it specializes what it found then."""

_PROBED = 2
"""How many of them have a health check, which takes as long as the rest, and which few containers have."""

_OUTPUT = b"a line\n"

_BYTES_HEAD = sys.getsizeof(b"")
_BLOCKS = range(48, 513, 16)
"""The sizes of CPython's small objects (obmalloc.c), but for the smallest: those are numbers, mostly."""
_POOL = 16 * 1024
_POOL_HEAD = 48
_FILLERS = 4000
"""More of one size mean that this is another allocator."""

_RULES: HealthRules = {
    "interval": 0,
    "timeout": 0,
    "timeout_text": "",
    "start_period": 0,
    "start_interval": 0,
    "retries": 1,
}
"""One health check after the other; they fail, since there is no container."""


def rehearse() -> None:
    """Do it, with no failpoint armed; raises OSError where mounts are not allowed."""
    armed = os.environ.get("WHARF_FAILPOINTS", "")
    arm("")
    folder = mount.new_filesystem("tmpfs", "wharf-rehearsal", [])
    try:
        bundle = f"/proc/self/fd/{folder}"
        for number in range(_TIMES):
            _rehearse_once(bundle, folder, _RULES if number < _PROBED else None)
    finally:
        os.close(folder)
        arm(armed)


def fill_gaps() -> list[bytes]:
    """Return what takes up the room between the objects of this process, to be kept for its children's sake.

    A new object goes where another was freed, between some that stay, and a child copies that page for it.
    After this, new ones lie side by side in pools of their own.
    """
    fillers = []
    for size in _BLOCKS:
        for _ in range(_FILLERS):
            filler = bytes(size - _BYTES_HEAD)
            fillers.append(filler)
            if id(filler) % _POOL == _POOL_HEAD:
                break
    return fillers


def _rehearse_once(bundle: str, folder: int, health: HealthRules | None) -> None:
    wharfd, channel = seqpacket.pair()
    with wharfd:
        log: LogConfig = {"driver": "json-file", "path": f"{bundle}/log", "max_size": 0, "max_file": 1}
        serve(bundle, channel, lambda sock: _play(sock, wharfd, log, health), keep=[wharfd.fileno(), folder])
    for name in os.listdir(bundle):
        os.unlink(name, dir_fd=folder)


def _play(sock: socket.socket, wharfd: socket.socket, log: LogConfig, health: HealthRules | None) -> None:
    """Be everybody else: wharfd and the maker here, the container's init and its client in another child."""
    client, theirs = socket.socketpair()
    stdin_r, stdin_w = os.pipe()
    out_r, out_w = os.pipe()
    err_r, err_w = os.pipe()
    pid, _ = clone3(CloneFlag.PARENT, exit_signal=0)
    if pid == 0:
        seqpacket.close_all([stdin_w, theirs.detach(), sock.detach()])
        last = {"id": 3} if health is None else {"event": "health"}
        _play_init(stdin_r, (out_w, err_w), client, wharfd, last.items())
    about = {
        "cgroup": "/wharf-rehearsal",
        "stdin_once": True,
        "log": log,
        "oom": False,
        "shares": [],
        "restart": {"name": "no", "maximum": 0, "count": 0},
        "health": health,
    }
    seqpacket.send(sock, {"planned": about}, [stdin_w, out_r, err_r])
    for message in (Born(pid), Ready()):
        seqpacket.send(sock, to_object(message))
    seqpacket.receive(wharfd)
    attach = {"stdin": True, "stdout": True, "stderr": True, "detach_keys": [16, 17], "framed": True}
    seqpacket.send(wharfd, {"id": 1, "op": "attach", **attach}, [theirs.fileno()])
    seqpacket.receive(wharfd)
    seqpacket.send(wharfd, {"id": 2, "op": "state"})
    seqpacket.receive(wharfd)
    seqpacket.send(wharfd, {"id": 3, "op": "start"})
    seqpacket.receive(sock)
    seqpacket.send(sock, to_object(Started(1)))


def _play_init(
    stdin: int,
    outputs: Sequence[int],
    client: socket.socket,
    wharfd: socket.socket,
    last: ItemsView[str, object],
) -> NoReturn:
    """Be an init that ends when wharfd has heard the `last` of what it is told: not before its start."""
    client.send(b"typed")
    client.shutdown(socket.SHUT_WR)
    while os.read(stdin, 1024):
        pass
    for fd in outputs:
        os.write(fd, _OUTPUT)
    client.recv(1024)
    while (heard := seqpacket.receive(wharfd)) is not None and not last <= heard[0].items():
        pass
    os._exit(0)
