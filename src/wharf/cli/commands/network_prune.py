"""`network prune`: remove all networks that no container uses."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.confirm import confirmed
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import FILTER, SWITCH
from wharf.client import networks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session

_QUESTION = (
    "WARNING! This will remove all custom networks not used by at least one container.\n"
    "Are you sure you want to continue?"
)


def run(session: Session, parsed: Parsed) -> None:
    """Ask, remove, and say which."""
    if not parsed.on("force") and not confirmed(_QUESTION):
        return
    if removed := networks.prune(session.engine, filters=parsed.pairs("filter")):
        print("\n".join(["Deleted Networks:", *removed, ""]))


COMMAND = Command(
    "[OPTIONS]",
    run,
    most=0,
    flags=(
        Flag("filter", FILTER, 'Provide filter values (e.g. "until=<timestamp>")'),
        Flag("force", SWITCH, "Do not prompt for confirmation", short="f"),
    ),
)
