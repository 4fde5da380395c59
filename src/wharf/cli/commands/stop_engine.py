"""`system stop-engine`: end the engine that listens on the socket; containers go on."""

from __future__ import annotations

import os
import select
import signal
import socket
import struct

from wharf.cli.command import Command
from wharf.cli.errors import CliError
from wharf.cli.flags import Parsed
from wharf.cli.session import DEFAULT_HOST
from wharf.client.address import Address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session

_PATIENCE_S = 30


def run(session: Session, _parsed: Parsed) -> None:
    """End it and wait for its end."""
    host = session.host() or DEFAULT_HOST
    if not host.startswith("unix://"):
        raise CliError(f"{session.program}: only an engine on a unix socket can be stopped, not {host}")
    with Address(host).connect() as sock:
        # The kernel tells who called listen(2) on the other end (unix(7), SO_PEERCRED).
        credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, _, _ = struct.unpack("3i", credentials)
    if not _is_ours(pid):
        raise CliError(f"{session.program}: what listens on {host} (pid {pid}) is not wharfd")
    ended = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(ended, signal.SIGTERM)
        poll = select.poll()
        poll.register(ended, select.POLLIN)
        if not poll.poll(_PATIENCE_S * 1000):
            raise CliError(f"{session.program}: wharfd (pid {pid}) has not ended after {_PATIENCE_S} seconds")
    finally:
        os.close(ended)


def _is_ours(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().split(b"\0")
    except OSError:
        return False
    return any(
        word.endswith((b"wharf/daemon/__main__.py", b"/wharfd", b"wharf.daemon.main")) for word in words
    )


COMMAND = Command("", run, most=0)
