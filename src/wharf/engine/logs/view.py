"""A log as one client wants to see it: chosen entries, stamped, in frames."""

import json
import struct
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import quote_plus

from wharf.engine.logs.entries import Run

_STDERR = 2
_HEADER = struct.Struct(">BxxxL")


class View(NamedTuple):
    """`since` and `until` as in `Entry.moment`, empty for no bound; both belong to what is shown."""

    stdout: bool
    stderr: bool
    since: str
    until: str
    timestamps: bool
    details: bool
    framed: bool

    def render(self, runs: Iterable[Run]) -> bytes:
        """Return the entries that the client asked for, as it wants them."""
        since, until = self.since.encode(), self.until.encode()
        parts: list[bytes] = []
        heads: tuple[dict[int, bytes], ...] = ({}, {}, {})
        for run in runs:
            stream, moment, texts, _ = run
            if not (self.stderr if stream == _STDERR else self.stdout):
                continue
            if moment < since or (until and moment > until):
                continue
            if self.timestamps or self.details:
                prefix = self._prefix(run)
                texts = [prefix + text for text in texts]
            if not self.framed:
                parts += texts
                continue
            known = heads[stream]
            for text in texts:
                length = len(text)
                if (head := known.get(length)) is None:
                    head = known[length] = _HEADER.pack(stream, length)
                parts.append(head)
                parts.append(text)
        return b"".join(parts)

    def is_past(self, runs: list[Run]) -> bool:
        """Return whether nothing more will be wanted after these."""
        return bool(self.until and runs and runs[-1].moment > self.until.encode())

    def _prefix(self, run: Run) -> bytes:
        words = b""
        if self.timestamps:
            second, _, fraction = run.moment.partition(b".")
            words += b"%b.%bZ " % (second, fraction.ljust(9, b"0"))
        if self.details:
            words += _details(run.attrs) + b" "
        return words


def _details(attrs: bytes) -> bytes:
    """Return attributes as Docker shows them: sorted, escaped as in a query."""
    if not attrs:
        return b""
    pairs = sorted(json.loads(attrs).items())
    return ",".join(f"{quote_plus(key)}={quote_plus(value)}" for key, value in pairs).encode()
