"""What a client may ask of a stream: attaching, logs, events. Shared by the API and the engine."""

from typing import NamedTuple


class AttachOptions(NamedTuple):
    """How a client attaches. `stream` is false for a client that wants the past (`logs`) only.

    `framed` says whether output of a container without a terminal comes in frames with an 8-byte header;
    a terminal's output never does.
    """

    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    stream: bool = False
    logs: bool = False
    detach_keys: str = ""
    framed: bool = True


class LogOptions(NamedTuple):
    """Which part of a log. `since` and `until` are nanoseconds since 1970, 0 for no bound.

    `tail` counts lines from the end; -1 means all. At least one of `stdout` and `stderr` is true.
    """

    stdout: bool = False
    stderr: bool = False
    follow: bool = False
    since: int = 0
    until: int = 0
    timestamps: bool = False
    tail: int = -1
    details: bool = False
