"""The life of a shim process, from the spawner's fork to its end.

It has one thread, imports nothing any more, and ignores the signals that are meant for wharfd or a terminal.
A failure of its own goes to `shim.log` in the bundle: it has nobody else to tell.
"""

import gc
import os
import signal
import socket
from collections.abc import Callable, Sequence
from typing import NoReturn

from wharf.linux import prctl, seqpacket
from wharf.shim.container import Container
from wharf.shim.loop import Loop
from wharf.shim.maker import Maker, Makers, Work, make_container
from wharf.shim.record import note_failure, write_pid
from wharf.shim.requests import Requests
from wharf.shim.server import Server

_IGNORED = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE)


def stand_by(await_order: Callable[[], tuple[str, socket.socket]]) -> NoReturn:
    """Be a shim as far as one can without a container, await its bundle and wharfd's channel, and be it."""
    status = 1
    makers = Makers("")
    try:
        for number in _IGNORED:
            signal.signal(number, signal.SIG_IGN)
        prctl.set_name("wharf-reserve")
        gc.freeze()
        gc.enable()
        maker = makers.fork(lambda sock: _make_when_told(makers, sock))
        makers.bundle, channel = await_order()
        prctl.set_name("wharf-shim")
        maker.say({"bundle": makers.bundle})
        _serve(makers, maker, channel)
        status = 0
    except BaseException:
        if makers.bundle:
            note_failure(makers.bundle)
    finally:
        os._exit(status)


def _make_when_told(makers: Makers, sock: socket.socket) -> None:
    """Be the maker of a shim that does not know its container yet."""
    packet = seqpacket.receive(sock)
    if packet is not None:
        makers.bundle = str(packet[0]["bundle"])
        make_container(sock, makers.bundle)


def serve(bundle: str, channel: socket.socket, work: Work, keep: Sequence[int] = ()) -> None:
    """Do all that a shim does, up to the end of the container that a maker's `work` makes.

    `keep` are the descriptors which that maker needs beside its socket.
    """
    makers = Makers(bundle)
    _serve(makers, makers.fork(work, keep), channel)


def _serve(makers: Makers, maker: Maker, channel: socket.socket) -> None:
    loop = Loop()
    server = Server(loop, makers.bundle)
    server.adopt(channel)
    write_pid(makers.bundle)
    container = Container(loop, server, makers, maker)
    server.on_request = Requests(container).take
    server.on_alone = container.left_alone
    loop.run()
