"""Want of memory in the container, heard of as it happens."""

import os
from collections.abc import Callable

from wharf.linux.cgroup import Cgroup
from wharf.shim import loop as event
from wharf.shim.loop import Loop


class OomWatch:
    """Watches one run through a descriptor of `Cgroup.watch_oom`, and calls `on_oom` each time.

    `count` is how often it has happened. The cgroup is looked up only then: it seldom comes to that.
    """

    __slots__ = ("_cgroup", "_fd", "_loop", "_on_oom", "count")

    def __init__(self, loop: Loop, on_oom: Callable[[], None]) -> None:
        self._loop = loop
        self._on_oom = on_oom
        self._cgroup = ""
        self._fd = -1
        self.count = 0

    def begin(self, cgroup: str, fd: int) -> None:
        """Watch the cgroup of path `cgroup` by `fd`, ours now; -1 where it cannot be watched."""
        self._cgroup, self._fd, self.count = cgroup, fd, 0
        if fd >= 0:
            self._loop.add(fd, event.IN, self._on_ready)

    def _on_ready(self, _events: int) -> None:
        self._note(Cgroup.load(self._cgroup).count_oom(self._fd, self.count))

    def _note(self, count: int) -> None:
        has_happened, self.count = count > self.count, count
        if has_happened:
            self._on_oom()

    def end(self, *, has_killed: bool) -> None:
        """Watch no more; `has_killed` is the cgroup's last word, which may be news."""
        if self._fd >= 0:
            self._loop.remove(self._fd)
            os.close(self._fd)
            self._fd = -1
        self._note(max(self.count, int(has_killed)))
