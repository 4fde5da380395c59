"""A small event loop over epoll(7): descriptors and deadlines, callbacks, nothing else.

Level-triggered: a callback may leave work undone and is called again. A callback may add and remove any
descriptor, its own too.
"""

import select
import time
from collections.abc import Callable

IN, OUT, HUP, ERR = select.EPOLLIN, select.EPOLLOUT, select.EPOLLHUP, select.EPOLLERR

OnReady = Callable[[int], None]
"""Called with the events at hand."""


class Timer:
    """One call at a time to come, until cancelled."""

    __slots__ = ("at", "callback")

    def __init__(self, at: float, callback: Callable[[], None]) -> None:
        self.at = at
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Do not call any more; harmless afterwards."""
        self.callback = None


class Loop:
    """Runs callbacks until `stop`; owns the epoll descriptor only."""

    __slots__ = ("_callbacks", "_epoll", "_gone", "_stopped", "_timers")

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._callbacks: dict[int, OnReady] = {}
        self._gone: set[int] = set()
        self._timers: list[Timer] = []
        self._stopped = False

    def add(self, fd: int, events: int, on_ready: OnReady) -> None:
        """Call `on_ready` while any of `events`, HUP or ERR is at hand for `fd`, which is not here yet."""
        self._epoll.register(fd, events)
        self._callbacks[fd] = on_ready

    def change(self, fd: int, events: int) -> None:
        """Wait for `events` of `fd` instead; HUP and ERR are always waited for, epoll_ctl(2)."""
        self._epoll.modify(fd, events)

    def remove(self, fd: int) -> None:
        """Forget `fd`; harmless when it is not here. Call it before closing."""
        if self._callbacks.pop(fd, None) is not None:
            self._epoll.unregister(fd)
            self._gone.add(fd)

    def later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` once in `seconds`."""
        timer = Timer(time.monotonic() + seconds, callback)
        self._timers.append(timer)
        return timer

    def stop(self) -> None:
        """Make `run` return after the callback that is running."""
        self._stopped = True

    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped

    def run(self) -> None:
        """Serve until stopped."""
        while not self.is_stopped():
            timeout = self._run_timers()
            # A signal whose handler does nothing is retried inside (PEP 475).
            ready = self._epoll.poll(timeout)
            # A number removed in this round may be another file's already: its event was not meant for that.
            self._gone.clear()
            for fd, events in ready:
                callback = self._callbacks.get(fd)
                if callback is not None and fd not in self._gone:
                    callback(events)
                if self.is_stopped():
                    return

    def _run_timers(self) -> float:
        """Call what is due and return the seconds to the next, -1 for none."""
        if not self._timers:
            return -1
        now = time.monotonic()
        due = [timer for timer in self._timers if timer.at <= now]
        self._timers = [timer for timer in self._timers if timer.at > now and timer.callback]
        for timer in due:
            if timer.callback and not self.is_stopped():
                timer.callback()
        if self.is_stopped():
            return 0
        return max(0.0, min(timer.at for timer in self._timers) - time.monotonic()) if self._timers else -1
