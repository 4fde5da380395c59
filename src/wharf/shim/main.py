"""The life of a shim process, from the spawner's fork to its end.

It has one thread, imports nothing any more, and ignores the signals that are meant for wharfd or a terminal.
A failure of its own goes to `shim.log` in the bundle: it has nobody else to tell.
"""

import gc
import os
import signal
import socket
import traceback
from typing import NoReturn

from wharf import errors
from wharf.linux import prctl
from wharf.shim import protocol
from wharf.shim.container import Container
from wharf.shim.loop import Loop
from wharf.shim.record import write_pid
from wharf.shim.requests import Requests
from wharf.shim.server import Server

_IGNORED = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE)


def run(bundle: str, channel: socket.socket) -> NoReturn:
    """Be the shim of the container in the folder `bundle`; `channel`, ours now, is wharfd's."""
    status = 1
    try:
        for number in _IGNORED:
            signal.signal(number, signal.SIG_IGN)
        prctl.set_name("wharf-shim")
        gc.freeze()
        gc.enable()
        _serve(bundle, channel)
        status = 0
    except BaseException:
        _write_log(bundle, traceback.format_exc())
    finally:
        os._exit(status)


def _serve(bundle: str, channel: socket.socket) -> None:
    loop = Loop()
    server = Server(loop, bundle)
    server.adopt(channel)
    write_pid(bundle)
    try:
        config, spec = protocol.read_bundle(bundle)
    except errors.EngineError as error:
        server.tell({"event": "failed", "error": protocol.describe(error)})
        return
    container = Container(loop, bundle, config, spec, server)
    server.on_request = Requests(container).answer
    server.on_alone = container.left_alone
    container.make()
    loop.run()


def _write_log(bundle: str, text: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(f"{bundle}/shim.log", flags, 0o600)
    os.write(fd, text.encode(errors="backslashreplace"))
    os.close(fd)
