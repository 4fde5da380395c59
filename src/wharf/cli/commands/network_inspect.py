"""`network inspect`: all about networks."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.flags import Flag, Parsed
from wharf.cli.format_flag import INSPECT_FORMAT
from wharf.cli.kinds import SWITCH
from wharf.cli.output.inspection import print_inspection
from wharf.client import networks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Print them."""
    print_inspection(
        parsed.arguments,
        parsed.text("format"),
        lambda name: networks.inspect_raw(session.engine, name, verbose=parsed.on("verbose")),
    )


COMMAND = Command(
    "[OPTIONS] NETWORK [NETWORK...]",
    run,
    least=1,
    flags=(INSPECT_FORMAT, Flag("verbose", SWITCH, "Verbose output for diagnostics", short="v")),
)
