"""What every log writer does."""

from typing import Protocol


class LogWriter(Protocol):
    """Keeps what a container prints. It does not raise for a full disk: no container stops for its log."""

    @property
    def is_full(self) -> bool:
        """Whether the container should wait with more."""

    def write(self, stream: int, data: bytes, moment: int = 0) -> None:
        """Take what was read from `stream` (1 stdout, 2 stderr), lines whole or not.

        It was read at `moment`, in nanoseconds of the wall clock; 0 is now.
        """

    def close(self) -> None:
        """Write what is left of unended lines, and end."""
