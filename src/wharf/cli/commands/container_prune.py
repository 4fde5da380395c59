"""`container prune`: remove all containers that do not run."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.confirm import confirmed
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import FILTER, SWITCH
from wharf.cli.output.units import human_size
from wharf.client import containers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session

_QUESTION = "WARNING! This will remove all stopped containers.\nAre you sure you want to continue?"


def run(session: Session, parsed: Parsed) -> None:
    """Ask, remove, and say which and how much that freed."""
    if not parsed.on("force") and not confirmed(_QUESTION):
        return
    report = containers.prune(session.engine, filters=parsed.pairs("filter"))
    if deleted := report.get("ContainersDeleted"):
        print("\n".join(["Deleted Containers:", *deleted, ""]))
    print(f"Total reclaimed space: {human_size(report.get('SpaceReclaimed', 0))}")


COMMAND = Command(
    "[OPTIONS]",
    run,
    most=0,
    flags=(
        Flag("filter", FILTER, 'Provide filter values (e.g. "until=<timestamp>")'),
        Flag("force", SWITCH, "Do not prompt for confirmation", short="f"),
    ),
)
