"""`container logs`, `logs`: what a container has written."""

from __future__ import annotations

import time

from wharf.cli.command import Command
from wharf.cli.errors import CliError
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import STRING, SWITCH
from wharf.cli.streams.duplex import write_all
from wharf.cli.streams.terminal import STDERR, STDOUT
from wharf.client import containers
from wharf.client.frames import STDERR as STDERR_STREAM
from wharf.client.frames import Frames

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session

_TIMES = '(e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)'


def _timestamp(parsed: Parsed, flag: str) -> str:
    from wharf.cli.output.duration import timestamp

    text = parsed.text(flag)
    if not text:
        return ""
    try:
        return timestamp(text, time.time())
    except ValueError as error:
        raise CliError(f'invalid value for "{flag}": {error}') from None


def run(session: Session, parsed: Parsed) -> None:
    """Print it, and with `--follow` what is yet to come."""
    engine, name = session.engine, parsed.arguments[0]
    details = containers.inspect(engine, name)
    response = containers.logs(
        engine,
        details["Id"],
        follow=parsed.on("follow"),
        since=_timestamp(parsed, "since"),
        until=_timestamp(parsed, "until"),
        timestamps=parsed.on("timestamps"),
        details=parsed.on("details"),
        tail=parsed.text("tail"),
    )
    if details["Config"]["Tty"]:
        for piece in response.pieces():
            write_all(STDOUT, piece)
        return
    frames = Frames()
    for piece in response.pieces():
        _write(frames.feed(piece))


def _write(pieces: list[tuple[int, bytes]]) -> None:
    """Write pieces in order, those in a row for one stream at once."""
    gathered: list[bytes] = []
    current = 0
    for stream, content in [*pieces, (0, b"")]:
        if stream != current:
            if gathered:
                write_all(STDERR if current == STDERR_STREAM else STDOUT, b"".join(gathered))
            gathered.clear()
            current = stream
        gathered.append(content)


COMMAND = Command(
    "[OPTIONS] CONTAINER",
    run,
    least=1,
    most=1,
    flags=(
        Flag("details", SWITCH, "Show extra details provided to logs"),
        Flag("follow", SWITCH, "Follow log output", short="f"),
        Flag("since", STRING, f"Show logs since timestamp {_TIMES}"),
        Flag("tail", STRING, "Number of lines to show from the end of the logs", short="n", default="all"),
        Flag("timestamps", SWITCH, "Show timestamps", short="t"),
        Flag("until", STRING, f"Show logs before a timestamp {_TIMES}"),
    ),
)
