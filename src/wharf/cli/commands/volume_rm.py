"""`volume rm`: remove volumes."""

from __future__ import annotations

from wharf.cli.command import Command, for_each
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import SWITCH
from wharf.client import volumes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Remove each."""

    def act(name: str) -> str:
        volumes.remove(session.engine, name, force=parsed.on("force"))
        return name

    for_each(parsed.arguments, act)


COMMAND = Command(
    "[OPTIONS] VOLUME [VOLUME...]",
    run,
    least=1,
    flags=(Flag("force", SWITCH, "Force the removal of one or more volumes", short="f"),),
    long="Remove one or more volumes. You cannot remove a volume that is in use by a container.",
)
