"""Run the shim's ordinary life before there is a container, so that real shims are smaller.

CPython writes to a function's code as it warms up, and fills caches beside it. Done once in the spawner, that
is shared by all shims; otherwise each copies the pages: about 0.2 MiB per container. Everybody else is played
by a child. The bundle is in a file system of its own which is mounted nowhere.
"""

import os
import socket
from collections.abc import Sequence
from typing import NoReturn

from wharf.failpoint import arm
from wharf.linux import mount, seqpacket
from wharf.linux.clone import CloneFlag, clone3
from wharf.runtime.message import Born, Ready, Started, to_object
from wharf.shim.main import serve
from wharf.shim.protocol import HealthRules, LogConfig

_TIMES = 2
"""More saves no more: most is written in the first run, and some when that is cleared away."""

_OUTPUT = b"a line\n"

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
        for _ in range(_TIMES):
            _rehearse_once(bundle, folder)
    finally:
        os.close(folder)
        arm(armed)


def _rehearse_once(bundle: str, folder: int) -> None:
    wharfd, channel = seqpacket.pair()
    with wharfd:
        log: LogConfig = {"driver": "json-file", "path": f"{bundle}/log", "max_size": 0, "max_file": 1}
        serve(bundle, channel, lambda sock: _play(sock, wharfd, log), keep=[wharfd.fileno(), folder])
    for name in os.listdir(bundle):
        os.unlink(name, dir_fd=folder)


def _play(sock: socket.socket, wharfd: socket.socket, log: LogConfig) -> None:
    """Be everybody else: wharfd and the maker here, the container's init and its client in another child."""
    client, theirs = socket.socketpair()
    stdin_r, stdin_w = os.pipe()
    out_r, out_w = os.pipe()
    err_r, err_w = os.pipe()
    pid, _ = clone3(CloneFlag.PARENT, exit_signal=0)
    if pid == 0:
        seqpacket.close_all([stdin_w, theirs.detach(), sock.detach()])
        _play_init(stdin_r, (out_w, err_w), client, wharfd)
    about = {
        "cgroup": "/wharf-rehearsal",
        "stdin_once": True,
        "log": log,
        "oom": False,
        "shares": [],
        "restart": {"name": "no", "maximum": 0, "count": 0},
        "health": _RULES,
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


def _play_init(stdin: int, outputs: Sequence[int], client: socket.socket, wharfd: socket.socket) -> NoReturn:
    client.send(b"typed")
    client.shutdown(socket.SHUT_WR)
    while os.read(stdin, 1024):
        pass
    for fd in outputs:
        os.write(fd, _OUTPUT)
    client.recv(1024)
    # An init that ended before its start would be another story.
    while (heard := seqpacket.receive(wharfd)) is not None and heard[0].get("event") != "health":
        pass
    os._exit(0)
