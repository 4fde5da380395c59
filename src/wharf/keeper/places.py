"""Where the keeper's sockets are made: in a container's network namespace, or in the host's own.

A socket belongs to the namespace of the thread that makes it, for ever; the keeper has one thread, so it goes
there, makes the socket and comes back (setns(2), network_namespaces(7)).
"""

import os
import socket

from wharf.linux.clone import CloneFlag, setns


class Place:
    """A container's namespace, by a descriptor that it owns; `home` is the keeper's own, borrowed."""

    def __init__(self, namespace_fd: int, home_fd: int) -> None:
        self._namespace_fd = namespace_fd
        self._home_fd = home_fd

    def socket(self, family: int, kind: int, *, from_host: bool) -> socket.socket:
        """Return a new socket, there or at home; raises OSError."""
        if from_host:
            return socket.socket(family, kind)
        setns(self._namespace_fd, CloneFlag.NEWNET)
        try:
            return socket.socket(family, kind)
        finally:
            setns(self._home_fd, CloneFlag.NEWNET)

    def close(self) -> None:
        """Let the namespace go; harmless when done already."""
        if self._namespace_fd >= 0:
            os.close(self._namespace_fd)
            self._namespace_fd = -1
