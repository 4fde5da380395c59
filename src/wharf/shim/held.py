"""Namespaces held open from one run of a container to the next.

The network namespace outlives a run, so that address and link are the same in the next; one that is shared
with another container is found again even when that one's process has ended. A path in /proc would not lead
to them any more, or to somebody else's.
"""

import os
from collections.abc import Sequence

from wharf.linux.seqpacket import close_all

_FILES = {"network": "net", "mount": "mnt"}
"""The names in /proc/PID/ns of namespaces that are not called as in OCI."""


class Held:
    """Descriptors of namespaces, by OCI's names; `wanted` are those to hold."""

    __slots__ = ("fds", "wanted")

    def __init__(self) -> None:
        self.fds: dict[str, int] = {}
        self.wanted: Sequence[str] = ()

    @property
    def is_complete(self) -> bool:
        """Whether the next run finds everything it wants."""
        return all(kind in self.fds for kind in self.wanted)

    def hold(self, pid: int) -> None:
        """Take them from process `pid`, which must not be reaped yet; one that has just ended has none."""
        try:
            for kind in self.wanted:
                if kind not in self.fds:
                    path = f"/proc/{pid}/ns/{_FILES.get(kind, kind)}"
                    self.fds[kind] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self.let_go()

    def let_go(self) -> None:
        """Hold nothing."""
        close_all(list(self.fds.values()))
        self.fds.clear()
