"""`image prune`: remove images without a name, or all that no container uses."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.confirm import confirmed
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import FILTER, SWITCH
from wharf.cli.output.units import human_size
from wharf.client import images

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session

_DANGLING = "WARNING! This will remove all dangling images.\nAre you sure you want to continue?"
_UNUSED = (
    "WARNING! This will remove all images without at least one container associated to them.\n"
    "Are you sure you want to continue?"
)


def run(session: Session, parsed: Parsed) -> None:
    """Ask, remove, and say what went."""
    everything = parsed.on("all")
    if not parsed.on("force") and not confirmed(_UNUSED if everything else _DANGLING):
        return
    filters = {**parsed.pairs("filter"), "dangling": ["false" if everything else "true"]}
    pruned = images.prune(session.engine, filters=filters)
    if removed := pruned["ImagesDeleted"]:
        print("Deleted Images:")
        for item in removed:
            print(f"deleted: {item['Deleted']}" if "Deleted" in item else f"untagged: {item['Untagged']}")
        print()
    print(f"Total reclaimed space: {human_size(pruned['SpaceReclaimed'])}")


COMMAND = Command(
    "[OPTIONS]",
    run,
    most=0,
    flags=(
        Flag("all", SWITCH, "Remove all unused images, not just dangling ones", short="a"),
        Flag("filter", FILTER, 'Provide filter values (e.g. "until=<timestamp>")'),
        Flag("force", SWITCH, "Do not prompt for confirmation", short="f"),
    ),
)
