"""Signals that this process gets: taken in a loop over descriptors, and passed on by name."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from types import FrameType, TracebackType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)

# SIGCHLD and SIGPIPE are this process's own affair, SIGTTIN and SIGTTOU its terminal's; the kernel keeps
# SIGKILL and SIGSTOP to itself, and a fault is nobody else's.
_OWN = frozenset({
    signal.SIGCHLD, signal.SIGPIPE, signal.SIGURG, signal.SIGTTIN, signal.SIGTTOU, signal.SIGKILL,
    signal.SIGSTOP, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL,
})  # fmt: skip


def name_of(number: int) -> str:
    """Return the name of a signal as the API takes it: "TERM", "RTMIN+3"."""
    low, high = signal.SIGRTMIN, signal.SIGRTMAX
    if number in (low, high):
        return "RTMIN" if number == low else "RTMAX"
    if low < number < high:
        return f"RTMIN+{number - low}" if number - low <= 15 else f"RTMAX-{high - number}"
    return signal.Signals(number).name.removeprefix("SIG")


def proxied() -> list[int]:
    """Return the signals that are passed on to a container."""
    return [number for number in signal.valid_signals() if number not in _OWN]


class SignalWatch:
    """While entered, `numbers` do not act on this process: `fd` becomes readable, and `take` returns them."""

    __slots__ = ("_before", "_numbers", "_wake", "fd")

    def __init__(self, numbers: Iterable[int]) -> None:
        self._numbers = list(numbers)
        self._before: dict[int, Any] = {}
        self._wake = -1
        self.fd = -1

    def __enter__(self) -> SignalWatch:  # noqa: PYI034 - Self is worth no import of typing
        self.fd, self._wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        for number in self._numbers:
            self._before[number] = signal.signal(number, _noted)
        return self

    def take(self) -> list[int]:
        """Return the signals that came since the last call, in their order."""
        try:
            return [number for number in os.read(self.fd, 4096) if number in self._before]
        except BlockingIOError:
            return []

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        os.close(self.fd)
        os.close(self._wake)


def _noted(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the wake-up descriptor has noted it."""
