"""`volume update`: change a volume of a cluster; there is none here."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.errors import CliError
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import STRING
from wharf.client import volumes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Say what cannot be done."""
    volumes.inspect(session.engine, parsed.arguments[0])
    raise CliError("can only update cluster volumes")


COMMAND = Command(
    "[OPTIONS] [VOLUME]",
    run,
    least=1,
    most=1,
    flags=(
        Flag(
            "availability",
            STRING,
            'Cluster Volume availability ("active", "pause", "drain")',
            default="active",
            hidden=True,
        ),
    ),
)
