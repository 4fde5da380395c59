"""What every log writer does."""

from typing import Protocol


class LogWriter(Protocol):
    """Keeps what a container prints. It does not raise for a full disk: no container stops for its log."""

    def write(self, stream: int, data: bytes) -> None:
        """Take what was read from `stream` (1 stdout, 2 stderr), lines whole or not."""

    def close(self) -> None:
        """Write what is left of unended lines, and end."""
