"""`container rename`, `rename`: give a container another name."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.errors import CliError
from wharf.cli.flags import Parsed
from wharf.client import containers
from wharf.client.errors import ClientError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Rename it."""
    old, new = (name.strip() for name in parsed.arguments)
    if not old or not new:
        raise CliError("Error: Neither old nor new names may be empty")
    try:
        containers.rename(session.engine, old, new)
    except ClientError as error:
        session.warn(str(error))
        raise CliError(f"Error: failed to rename container named {old}") from None


COMMAND = Command("CONTAINER NEW_NAME", run, least=2, most=2)
