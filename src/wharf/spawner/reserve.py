"""The reserve: one shim forked ahead of the request for it.

A fork and what a shim does before it knows its container take some milliseconds, which nobody waits for when
they are spent beforehand. The reserve does nothing until it is given an order, and dies with the spawner; a
shim with an order outlives it.
"""

import os
import signal
import socket
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, NoReturn

from wharf.failpoint import failpoint
from wharf.linux import prctl, seqpacket
from wharf.linux.descriptors import close_others
from wharf.linux.signals import set_default


class Order(NamedTuple):
    """What makes a shim of the reserve: its container's bundle, and its end of wharfd's channel."""

    bundle: str
    channel: socket.socket


AwaitOrder = Callable[[Callable[[str], None]], Order]
"""`await_order(first)` returns the order, with `first` called on its bundle as soon as it is known; does not
return when none will come."""

StandBy = Callable[[AwaitOrder], NoReturn]
"""`stand_by(await_order)`: prepare to be a shim, await the order, be the shim."""


class Recruit:
    """A forked child, as the spawner sees it."""

    __slots__ = ("_sock", "pid")

    def __init__(self, pid: int, sock: socket.socket) -> None:
        self.pid = pid
        self._sock = sock

    def order(self, bundle: str, channel_fd: int) -> None:
        """Make it the shim of `bundle`; `channel_fd` is borrowed. One that died is seen by its channel."""
        with self._sock, suppress(OSError):
            seqpacket.send(self._sock, {"bundle": bundle}, [channel_fd])

    def dismiss(self) -> None:
        """Let it go without an order: it ends."""
        self._sock.close()


class Reserve:
    """The one recruit that waits, if there is one. `stand_by` is what a recruit does."""

    def __init__(self, stand_by: StandBy) -> None:
        self._stand_by = stand_by
        self._waiting: Recruit | None = None
        self.is_wanted = False
        """Whether somebody has asked for a shim since the reserve was last filled."""

    def take(self) -> Recruit:
        """Return the recruit that waits, or a fresh one; raises OSError when there can be none."""
        self.is_wanted = True
        recruit, self._waiting = self._waiting, None
        if recruit is None:
            failpoint("spawner.fork")
            recruit = self._fork()
        return recruit

    def fill(self) -> None:
        """See that one waits; that there is no memory or process for it now is no misfortune."""
        self.is_wanted = False
        if self._waiting is None:
            try:
                failpoint("spawner.reserve")
                self._waiting = self._fork()
            except OSError:
                return

    def dismiss(self) -> None:
        """Have none wait: what it was forked from has changed."""
        recruit, self._waiting = self._waiting, None
        if recruit is not None:
            self.is_wanted = True
            recruit.dismiss()

    def has_ended(self, pid: int) -> None:
        """Hear that a child ended; its pid may be another process's from now on."""
        if self._waiting is not None and self._waiting.pid == pid:
            self.dismiss()

    def _fork(self) -> Recruit:
        ours, theirs = seqpacket.pair()
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError:
            ours.close()
            theirs.close()
            raise
        if pid == 0:
            self._be_recruit(theirs, parent)
        theirs.close()
        return Recruit(pid, ours)

    def _be_recruit(self, sock: socket.socket, parent: int) -> NoReturn:
        """The child's whole life, up to _exit: a process border."""
        try:
            signal.set_wakeup_fd(-1)
            set_default(signal.SIGCHLD)
            prctl.set_pdeathsig(signal.SIGKILL)
            close_others({sock.fileno()})
            if os.getppid() == parent:
                os.setsid()
                os.chdir("/")
                self._stand_by(lambda first: _await_order(sock, first))
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)


def _await_order(sock: socket.socket, first: Callable[[str], None]) -> Order:
    packet = seqpacket.receive(sock)
    if packet is None:
        os._exit(0)
    message, (channel,) = packet
    bundle = str(message["bundle"])
    first(bundle)
    sock.close()
    prctl.set_pdeathsig(0)
    # Until now there was somebody to complain to; a shim has only its bundle.
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for fd in range(3):
        os.dup2(null, fd)
    os.close(null)
    failpoint("spawner.shim")
    return Order(bundle, socket.socket(fileno=channel))
