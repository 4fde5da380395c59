"""The life of a shim process, from the spawner's fork to its end.

It has one thread, imports nothing any more, and ignores what the spawner ignores: the signals that are meant
for wharfd or a terminal.
A failure of its own goes to `shim.log` in the bundle: it has nobody else to tell.
"""

import gc
import os
import socket
from collections.abc import Callable, Sequence
from typing import NoReturn

from wharf.linux import prctl, seqpacket
from wharf.runtime import practise
from wharf.shim.container import Container
from wharf.shim.loop import Loop
from wharf.shim.maker import Maker, Makers, Work, make_container
from wharf.shim.record import note_failure, write_pid
from wharf.shim.requests import Requests
from wharf.shim.server import Server


def stand_by(await_order: Callable[[Callable[[str], None]], tuple[str, socket.socket]]) -> NoReturn:
    """Be a shim as far as one can without a container, await its bundle and wharfd's channel, and be it."""
    status = 1
    makers = Makers("")
    try:
        prctl.set_name("wharf-reserve")
        gc.freeze()
        gc.enable()
        maker = makers.fork(lambda sock: _make_when_told(makers, sock))
        shim = _Shim(makers, maker)
        makers.bundle, channel = await_order(lambda bundle: maker.say({"bundle": bundle}))
        prctl.set_name("wharf-shim")
        shim.run(channel)
        status = 0
    except BaseException:
        if makers.bundle:
            note_failure(makers.bundle)
    finally:
        os._exit(status)


def _make_when_told(makers: Makers, sock: socket.socket) -> None:
    """Be the maker of a shim that does not know its container yet."""
    _kept = practise()
    packet = seqpacket.receive(sock)
    if packet is not None:
        makers.bundle = str(packet[0]["bundle"])
        make_container(sock, makers.bundle)


def serve(bundle: str, channel: socket.socket, work: Work, keep: Sequence[int] = ()) -> None:
    """Do all that a shim does, up to the end of the container that a maker's `work` makes.

    `keep` are the descriptors which that maker needs beside its socket.
    """
    makers = Makers(bundle)
    _Shim(makers, makers.fork(work, keep)).run(channel)


class _Shim:
    """All parts of a shim, put together before anybody waits for them."""

    __slots__ = ("_loop", "_makers", "_server")

    def __init__(self, makers: Makers, maker: Maker) -> None:
        self._makers = makers
        self._loop = Loop()
        self._server = Server(self._loop)
        container = Container(self._loop, self._server, makers, maker)
        self._server.on_request = Requests(container).take
        self._server.on_alone = container.left_alone

    def run(self, channel: socket.socket) -> None:
        self._server.adopt(channel)
        self._server.listen(self._makers.bundle)
        write_pid(self._makers.bundle)
        self._loop.run()
