"""The mount table of this process: /proc/self/mountinfo, proc_pid_mountinfo(5)."""

import os
from typing import NamedTuple

_ESCAPES = (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\"))


class Entry(NamedTuple):
    """One mount: where it is, and its optional fields' names (`shared`, `master`, …)."""

    place: str
    kinds: frozenset[str]


def read() -> list[Entry]:
    """Return all mounts, in the order in which they were made."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        return [_entry(line) for line in table]


def _entry(line: str) -> Entry:
    fields = line.split(" ")
    place = fields[4]
    for escape, plain in _ESCAPES if "\\" in place else ():
        place = place.replace(escape, plain)
    optional = fields[6 : fields.index("-", 6)]
    return Entry(place, frozenset(field.partition(":")[0] for field in optional))


def mount_of(path: str) -> Entry:
    """Return the mount that `path` is in, its links followed."""
    real = os.path.realpath(path)
    holding = [entry for entry in read() if os.path.commonpath((real, entry.place)) == entry.place]
    # Of several at one place, the last covers the others.
    return max(reversed(holding), key=lambda entry: len(entry.place))
