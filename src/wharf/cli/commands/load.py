"""`image load`, `load`: take images from an archive."""

from __future__ import annotations

import sys

from wharf.cli.command import Command
from wharf.cli.errors import CliError
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import STRING, SWITCH
from wharf.cli.output.files import pieces_of
from wharf.cli.output.progress import show_progress
from wharf.cli.platform import platform_json
from wharf.cli.streams.terminal import STDIN, STDOUT, is_terminal
from wharf.client import images

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Load them."""
    path = parsed.text("input")
    if not path and is_terminal(STDIN):
        raise CliError("requested load from stdin, but stdin is empty")
    quiet = parsed.on("quiet") or not is_terminal(STDOUT)
    platform = platform_json(parsed.text("platform"))
    # The archive is opened before the engine is asked for anything: a wrong path is this side's affair.
    archive = pieces_of(path or "-")
    messages = images.load(session.engine, archive, quiet=quiet, platforms=[platform] if platform else [])
    show_progress(messages, sys.stdout)


COMMAND = Command(
    "[OPTIONS]",
    run,
    most=0,
    flags=(
        Flag("input", STRING, "Read from tar archive file, instead of STDIN", short="i"),
        Flag(
            "platform",
            STRING,
            'Load only the given platform variant. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")',
        ),
        Flag("quiet", SWITCH, "Suppress the load output", short="q"),
    ),
)
