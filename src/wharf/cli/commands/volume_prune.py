"""`volume prune`: remove volumes that no container was made with."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.confirm import confirmed
from wharf.cli.errors import CliError
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import FILTER, SWITCH
from wharf.cli.output.units import human_size
from wharf.client import volumes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session

_QUESTION = (
    "WARNING! This will remove {} local volumes not used by at least one container.\n"
    "Are you sure you want to continue?"
)


def run(session: Session, parsed: Parsed) -> None:
    """Ask, remove, and say which."""
    filters = parsed.pairs("filter")
    everything = parsed.on("all")
    if everything:
        if "all" in filters:
            raise CliError("conflicting options: cannot specify both --all and --filter all=1")
        filters["all"] = ["true"]
    if not parsed.on("force") and not confirmed(_QUESTION.format("all" if everything else "anonymous")):
        return
    pruned = volumes.prune(session.engine, filters=filters)
    if names := pruned["VolumesDeleted"]:
        print("\n".join(["Deleted Volumes:", *names, ""]))
    print(f"Total reclaimed space: {human_size(pruned['SpaceReclaimed'])}")


COMMAND = Command(
    "[OPTIONS]",
    run,
    most=0,
    flags=(
        Flag("all", SWITCH, "Remove all unused volumes, not just anonymous ones", short="a"),
        Flag("filter", FILTER, 'Provide filter values (e.g. "label=<label>")'),
        Flag("force", SWITCH, "Do not prompt for confirmation", short="f"),
    ),
)
