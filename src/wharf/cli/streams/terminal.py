"""The terminal of this process: whether there is one, its size, and its raw mode."""

from __future__ import annotations

import os
from types import TracebackType

from wharf.cli.errors import CliError

STDIN, STDOUT, STDERR = 0, 1, 2

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def is_terminal(fd: int) -> bool:
    """Return whether `fd` is a terminal."""
    return os.isatty(fd)


def size(fd: int) -> tuple[int, int]:
    """Return height and width of the terminal `fd`; zeros where there is none."""
    try:
        columns, lines = os.get_terminal_size(fd)
    except OSError:
        return 0, 0
    return lines, columns


def check_terminal(*, stdin: bool, tty: bool) -> None:
    """Refuse to give a container a terminal that is fed from something else.

    Raises:
        CliError: stdin is no terminal.
    """
    if stdin and tty and not is_terminal(STDIN):
        raise CliError("the input device is not a TTY")


class RawTerminal:
    """Keeps the terminal `fd` raw (cfmakeraw(3)) while it is entered; does nothing where there is none.

    `restore` may be called before the end, and any number of times.
    """

    __slots__ = ("_before", "_fd")

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._before: list[Any] | None = None

    def __enter__(self) -> RawTerminal:  # noqa: PYI034 - Self is worth no import of typing
        # NORAW is Docker's own way to leave the terminal alone.
        if is_terminal(self._fd) and not os.environ.get("NORAW"):
            import termios

            self._before = termios.tcgetattr(self._fd)
            termios.tcsetattr(self._fd, termios.TCSANOW, _raw(self._before))
        return self

    def restore(self) -> None:
        """Give the terminal back its modes."""
        if self._before is not None:
            import termios

            termios.tcsetattr(self._fd, termios.TCSANOW, self._before)
            self._before = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.restore()


def _raw(before: list[Any]) -> list[Any]:
    import termios as t

    iflag, oflag, cflag, lflag, ispeed, ospeed, characters = before
    iflag &= ~(t.IGNBRK | t.BRKINT | t.PARMRK | t.ISTRIP | t.INLCR | t.IGNCR | t.ICRNL | t.IXON)
    oflag &= ~t.OPOST
    cflag = cflag & ~(t.CSIZE | t.PARENB) | t.CS8
    lflag &= ~(t.ECHO | t.ECHONL | t.ICANON | t.ISIG | t.IEXTEN)
    characters = list(characters)
    characters[t.VMIN], characters[t.VTIME] = 1, 0
    return [iflag, oflag, cflag, lflag, ispeed, ospeed, characters]
