"""A process in a container attended to: signals passed on, its terminal kept in size, its end awaited."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import TracebackType

from wharf.cli.errors import Interrupted
from wharf.cli.streams.duplex import Watched, wait_readable
from wharf.cli.streams.signals import ENDING, SignalWatch, name_of, proxied
from wharf.cli.streams.terminal import STDOUT, size
from wharf.client import containers
from wharf.client.engine import Engine
from wharf.client.errors import ApiError, ClientError
from wharf.client.http import Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.client.shapes import WaitAnswer

_RESIZE_TRIES = 10

Resize = Callable[[int, int], None]


class Attendance:
    """While entered, this process's signals are the container's, or its terminal's.

    Without a terminal (`resize` None) and with `proxy`, all are passed on to `container`. With one, a change
    of its size is passed on by `resize` (height, width), and a signal that asks this process to end does so
    in order.
    """

    def __init__(self, engine: Engine, container: str, *, proxy: bool, resize: Resize | None) -> None:
        self._engine = engine
        self._container = container
        self._resize = resize
        self._window = _window_signal() if resize else 0
        numbers = [*ENDING, self._window] if resize else proxied() if proxy else []
        self._watch = SignalWatch(numbers) if numbers else None

    def __enter__(self) -> Attendance:  # noqa: PYI034 - Self is worth no import of typing
        if self._watch:
            self._watch.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watch:
            self._watch.__exit__(kind, error, trace)

    @property
    def watched(self) -> Watched | None:
        """What a poll has to look at."""
        return (self._watch.fd, self._attend) if self._watch else None

    def _attend(self) -> None:
        assert self._watch is not None
        for number in self._watch.take():
            if self._resize is None:
                self._pass_on(number)
            elif number == self._window:
                self._fit()
            else:
                raise Interrupted(number)

    def _pass_on(self, number: int) -> None:
        try:
            containers.kill(self._engine, self._container, name_of(number))
        except ClientError:
            return  # it has ended, or ends without: nobody is left to tell

    def _fit(self) -> bool:
        height, width = size(STDOUT)
        if not self._resize or (not height and not width):
            return True
        try:
            self._resize(height, width)
        except ApiError:
            return False
        return True

    def fit_terminal(self) -> None:
        """Give the container's terminal the size of ours; it may have to be started yet."""
        import time

        for attempt in range(_RESIZE_TRIES):
            if self._fit():
                return
            time.sleep((attempt + 1) / 100)
        from sys import stderr

        print("failed to resize tty, using default size", file=stderr)


def _window_signal() -> int:
    import signal

    return signal.SIGWINCH


def await_exit(waiting: Response, watched: Watched | None) -> tuple[int, str]:
    """Return the exit status that the answer to a wait brings, and an error's text instead."""
    connection = waiting.connection
    try:
        if not connection.buffered:
            wait_readable(connection.sock.fileno(), watched)
        line = next(waiting.lines(), b"")
    except ClientError as error:
        return 125, f"error waiting for container: {error}"
    if not line:
        return 125, "error waiting for container: unexpected EOF"
    answer: WaitAnswer = json.loads(line)
    if error_answer := answer.get("Error"):
        return 125, f"Error waiting for container: {error_answer['Message']}"
    return answer["StatusCode"], ""
