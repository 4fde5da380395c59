"""How far a copy is: its bytes counted as they pass, and shown on a terminal."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from wharf.cli.output.units import human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

_INTERVAL_S = 0.075
_SAVE, _RESTORE, _ERASE = "\x1b[s", "\x1b[u", "\x1b[2K"


class Progress:
    """The bytes of one copy; `header` is what stands before their number."""

    __slots__ = ("_header", "_is_shown", "_last", "_out", "copied")

    def __init__(self, header: str, out: TextIO) -> None:
        self._header = header
        self._out = out if out.isatty() else None
        self._is_shown = False
        self._last = time.monotonic()
        self.copied = 0

    def counted(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield `pieces`, and show how many bytes they were."""
        for piece in pieces:
            self.copied += len(piece)
            if self._out is not None and time.monotonic() - self._last >= _INTERVAL_S:
                self._show(self._out)
            yield piece

    def _show(self, out: TextIO) -> None:
        self._last = time.monotonic()
        before = _RESTORE + _ERASE if self._is_shown else _SAVE
        self._is_shown = True
        out.write(f"{before}{self._header}{human_size(self.copied, 3)}")
        out.flush()

    def clear(self) -> None:
        """Take what is shown away."""
        if self._out is not None and self._is_shown:
            self._is_shown = False
            self._out.write(_RESTORE + _ERASE)
            self._out.flush()
