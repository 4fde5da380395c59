"""`image history`, `history`: how an image came to be."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from wharf.cli.command import Command
from wharf.cli.flags import Flag, Parsed
from wharf.cli.format_flag import LIST_FORMAT
from wharf.cli.kinds import STRING, SWITCH
from wharf.cli.output.duration import rfc3339
from wharf.cli.output.listing import Listing
from wharf.cli.output.text import ellipsis, short_id
from wharf.cli.output.units import human_size
from wharf.client import images
from wharf.duration import human_duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session
    from wharf.client.shapes import HistoryItem

_HEADERS = {
    "ID": "IMAGE",
    "CreatedSince": "CREATED",
    "CreatedAt": "CREATED AT",
    "CreatedBy": "CREATED BY",
    "Size": "SIZE",
    "Comment": "COMMENT",
}


def _columns(item: HistoryItem, *, no_trunc: bool, human: bool) -> Mapping[str, Callable[[], object]]:
    created, size = item["Created"], item["Size"]
    made_by = item["CreatedBy"].replace("\t", " ")

    def since() -> str:
        if not human:
            return rfc3339(created)
        # An image built reproducibly says nothing of its time.
        return "N/A" if created <= 0 else human_duration(time.time() - created) + " ago"

    return {
        "ID": lambda: item["Id"] if no_trunc else short_id(item["Id"]),
        "CreatedSince": since,
        "CreatedAt": lambda: rfc3339(created),
        "CreatedBy": lambda: made_by if no_trunc else ellipsis(made_by, 45),
        "Size": lambda: human_size(size, 3) if human else str(size),
        "Comment": lambda: item["Comment"],
    }


def run(session: Session, parsed: Parsed) -> None:
    """Print the history, newest step first."""
    from wharf.cli.platform import platform_json

    rows = images.history(
        session.engine, parsed.arguments[0], platform=platform_json(parsed.text("platform")) or None
    )
    no_trunc, human = parsed.on("no-trunc"), parsed.on("human")
    usual = ("ID", "CreatedSince" if human else "CreatedAt", "CreatedBy", "Size", "Comment")
    Listing("*image.historyContext", _HEADERS, usual).print(
        (_columns(row, no_trunc=no_trunc, human=human) for row in rows),
        parsed.text("format"),
        quiet="ID" if parsed.on("quiet") else "",
    )


COMMAND = Command(
    "[OPTIONS] IMAGE",
    run,
    least=1,
    most=1,
    flags=(
        LIST_FORMAT,
        Flag("human", SWITCH, "Print sizes and dates in human readable format", short="H", default=True),
        Flag("no-trunc", SWITCH, "Don't truncate output"),
        Flag(
            "platform",
            STRING,
            'Show history for the given platform. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")',
        ),
        Flag("quiet", SWITCH, "Only show image IDs", short="q"),
    ),
)
