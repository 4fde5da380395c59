"""`container export`, `export`: a container's files as an archive."""

from __future__ import annotations

import os

from wharf.cli.command import Command
from wharf.cli.errors import CliError
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import STRING
from wharf.cli.output.files import write_file
from wharf.cli.streams.terminal import STDOUT, is_terminal
from wharf.client import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Export it."""
    path = parsed.text("output")
    if not path and is_terminal(STDOUT):
        raise CliError("cowardly refusing to save to a terminal. Use the -o flag or redirect")
    if path:
        _check(path)
    with files.export(session.engine, parsed.arguments[0]) as response:
        write_file(path, response.pieces())


def _check(path: str) -> None:
    folder = os.path.dirname(path)
    if folder and not os.path.isdir(folder):
        raise CliError(
            f"failed to export container: invalid output path: stat {folder}: no such file or directory"
        )
    if os.path.isdir(path):
        raise CliError("failed to export container: cannot write to a directory")


COMMAND = Command(
    "[OPTIONS] CONTAINER",
    run,
    least=1,
    most=1,
    flags=(Flag("output", STRING, "Write to a file, instead of STDOUT", short="o"),),
)
