"""`container inspect`: all about containers."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.flags import Flag, Parsed
from wharf.cli.format_flag import INSPECT_FORMAT
from wharf.cli.kinds import SWITCH
from wharf.cli.output.inspection import print_inspection
from wharf.client import containers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Print them."""
    print_inspection(
        parsed.arguments,
        parsed.text("format"),
        lambda name: containers.inspect_raw(session.engine, name, size=parsed.on("size")),
    )


COMMAND = Command(
    "[OPTIONS] CONTAINER [CONTAINER...]",
    run,
    least=1,
    flags=(INSPECT_FORMAT, Flag("size", SWITCH, "Display total file sizes", short="s")),
)
