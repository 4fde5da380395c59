"""The life of a shim process, from the spawner's fork to its end.

It has one thread, imports nothing any more, and ignores the signals that are meant for wharfd or a terminal.
A failure of its own goes to `shim.log` in the bundle: it has nobody else to tell.
"""

import gc
import os
import signal
import socket
from collections.abc import Sequence
from typing import NoReturn

from wharf.linux import prctl
from wharf.shim.container import Container
from wharf.shim.loop import Loop
from wharf.shim.maker import Makers, Work, make_container
from wharf.shim.record import note_failure, write_pid
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
        serve(bundle, channel, lambda sock: make_container(sock, bundle))
        status = 0
    except BaseException:
        note_failure(bundle)
    finally:
        os._exit(status)


def serve(bundle: str, channel: socket.socket, work: Work, keep: Sequence[int] = ()) -> None:
    """Do all that a shim does, up to the end of the container that a maker's `work` makes.

    `keep` are the descriptors which that maker needs beside its socket.
    """
    makers = Makers(bundle)
    # First of all: it works beside us, and shares what we have not touched yet.
    maker = makers.fork(work, keep)
    loop = Loop()
    server = Server(loop, bundle)
    server.adopt(channel)
    write_pid(bundle)
    container = Container(loop, server, makers, maker)
    server.on_request = Requests(container).take
    server.on_alone = container.left_alone
    loop.run()
