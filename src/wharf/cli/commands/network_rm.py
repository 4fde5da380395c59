"""`network rm`: remove networks."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.errors import CliError
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import SWITCH
from wharf.client import networks
from wharf.client.errors import ApiError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Remove each; each failure is told at once, and the others are removed even so."""
    failed = False
    for name in parsed.arguments:
        try:
            networks.remove(session.engine, name)
        except ApiError as error:
            if parsed.on("force") and error.status == 404:
                continue
            session.warn(str(error))
            failed = True
            continue
        print(name)
    if failed:
        raise CliError("exit status 1")


COMMAND = Command(
    "NETWORK [NETWORK...]",
    run,
    least=1,
    flags=(Flag("force", SWITCH, "Do not error if the network does not exist", short="f"),),
)
