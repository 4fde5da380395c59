"""`container stats`, `stats`: what containers use, on a screen that keeps up, or once."""

from __future__ import annotations

import json
import select
import sys
import time

from wharf.cli.command import Command
from wharf.cli.errors import CliError
from wharf.cli.flags import Flag, Parsed
from wharf.cli.format_flag import LIST_FORMAT
from wharf.cli.kinds import SWITCH
from wharf.cli.output.listing import Listing
from wharf.cli.output.stats import StatsRow
from wharf.client import containers, system
from wharf.client.errors import ClientError
from wharf.client.feed import Feed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wharf.cli.session import Session
    from wharf.client.engine import Engine

_HEADERS = {
    "Container": "CONTAINER",
    "Name": "NAME",
    "ID": "CONTAINER ID",
    "CPUPerc": "CPU %",
    "MemUsage": "MEM USAGE / LIMIT",
    "MemPerc": "MEM %",
    "NetIO": "NET I/O",
    "BlockIO": "BLOCK I/O",
    "PIDs": "PIDS",
}
_USUAL = ("ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs")
_TICK_S = 0.5
_SILENCE_S = 2.0
"""After so long without a word a container's figures are not shown any more."""
_FIRST_S = 5.0
"""How long the first figures of all containers are waited for."""
_NEVER_READ = "0001-01-01T00:00:00Z"


class _Watched:
    """A container, where its figures come from, and when the last came."""

    def __init__(self, name: str, feed: Feed) -> None:
        self.row = StatsRow(name)
        self.feed = feed
        self.looks = 0
        self.heard_at = time.monotonic()

    def listen(self) -> None:
        for line in self.feed.lines():
            self.row.look = json.loads(line)
            self.looks += 1
            self.heard_at = time.monotonic()

    def has_come(self, looks: int) -> bool:
        """Return whether so many looks are there, or there is nothing to be seen of what does not run."""
        is_idle = self.looks > 0 and self.row.look.get("read") == _NEVER_READ
        return self.looks >= looks or is_idle or self.feed.ended


class _Board:
    """All that is watched, in the order of the lines."""

    def __init__(self, engine: Engine, *, shows_all: bool) -> None:
        self._engine = engine
        self._shows_all = shows_all
        self._watched: dict[str, _Watched] = {}
        self._events: Feed | None = None

    def watch(self, name: str, key: str = "") -> None:
        """Begin to watch a container; `key` is what events call it. Raises ClientError."""
        if (key or name) not in self._watched:
            self._watched[key or name] = _Watched(name, Feed(containers.stats(self._engine, name)))

    def follow_events(self) -> None:
        """Hear of containers that come and go."""
        self._events = Feed(system.events_response(self._engine, filters={"type": ["container"]}))

    def has_come(self, looks: int) -> bool:
        return all(watched.has_come(looks) for watched in self._watched.values())

    def wait(self, seconds: float, *, looks: int = 0) -> None:
        """Take in what comes within `seconds`; with `looks`, until so many have come of each container."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and not (looks and self.has_come(looks)):
            feeds = {each.feed.sock: each for each in self._watched.values() if not each.feed.ended}
            socks = list(feeds)
            if self._events is not None and not self._events.ended:
                socks.append(self._events.sock)
            for sock in select.select(socks, [], [], left)[0]:
                if sock in feeds:
                    feeds[sock].listen()
                else:
                    self._hear()
        for watched in self._watched.values():
            watched.row.is_stale = (
                watched.feed.ended or time.monotonic() - watched.heard_at > _SILENCE_S
            ) and not looks

    def rows(self) -> list[StatsRow]:
        return [watched.row for watched in self._watched.values()]

    def _hear(self) -> None:
        assert self._events is not None
        for line in self._events.lines():
            event = json.loads(line)
            key, action = event["Actor"]["ID"][:12], event["Action"]
            if action == "start" or (action == "create" and self._shows_all):
                try:
                    self.watch(key, key)
                except ClientError:
                    continue  # gone already
            elif (action == "destroy" or (action == "die" and not self._shows_all)) and key in self._watched:
                self._watched.pop(key).feed.close()


def _begin(board: _Board, session: Session, parsed: Parsed) -> None:
    """Put what is asked for on the board."""
    if not parsed.arguments:
        if not parsed.on("no-stream"):
            board.follow_events()
        for row in containers.listing(session.engine, everything=parsed.on("all")):
            try:
                board.watch(row["Id"][:12], row["Id"][:12])
            except ClientError:
                continue  # gone since
        return
    failures: list[str] = []
    for name in parsed.arguments:
        try:
            board.watch(name)
        except ClientError as error:
            failures.append(str(error))
    if failures:
        raise CliError("\n".join(failures))


def run(session: Session, parsed: Parsed) -> None:
    """Show them until interrupted, or once."""
    board = _Board(session.engine, shows_all=parsed.on("all"))
    _begin(board, session, parsed)
    layout = parsed.text("format") or session.config.text("statsFormat")
    listing = Listing("*container.statsContext", _HEADERS, _USUAL)

    def show() -> None:
        no_trunc = parsed.on("no-trunc")
        listing.print((row.columns(no_trunc=no_trunc) for row in board.rows()), layout)

    if parsed.on("no-stream"):
        board.wait(_FIRST_S, looks=2)
        show()
        return
    board.wait(_FIRST_S, looks=1)
    while board.rows() or not parsed.arguments:
        board.wait(_TICK_S)
        _redraw(show)


def _redraw(show: Callable[[], None]) -> None:
    """Show over what was there: every line clears what the longer one before has left."""
    from contextlib import redirect_stdout
    from io import StringIO

    with redirect_stdout(StringIO()) as screen:
        show()
    lines = screen.getvalue().split("\n")
    sys.stdout.write("\033[H" + "".join(f"{line} \033[K\n" for line in lines) + "\033[J")
    sys.stdout.flush()


COMMAND = Command(
    "[OPTIONS] [CONTAINER...]",
    run,
    flags=(
        Flag("all", SWITCH, "Show all containers (default shows just running)", short="a"),
        LIST_FORMAT,
        Flag("no-stream", SWITCH, "Disable streaming stats and only pull the first result"),
        Flag("no-trunc", SWITCH, "Do not truncate output"),
    ),
)
