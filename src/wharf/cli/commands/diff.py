"""`container diff`, `diff`: what a container has changed of its image."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.errors import CliError
from wharf.cli.flags import Parsed
from wharf.client import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session

_KINDS = "CAD"


def run(session: Session, parsed: Parsed) -> None:
    """List the changes."""
    (container,) = parsed.arguments
    if not container:
        raise CliError("Container name cannot be empty")
    for change in files.changes(session.engine, container):
        print(_KINDS[change["Kind"]], change["Path"])


COMMAND = Command("CONTAINER", run, least=1, most=1)
