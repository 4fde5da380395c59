"""`network disconnect`: take a container off a network."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import SWITCH
from wharf.client import networks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Disconnect it."""
    network, container = parsed.arguments
    networks.disconnect(session.engine, network, container, force=parsed.on("force"))


COMMAND = Command(
    "[OPTIONS] NETWORK CONTAINER",
    run,
    least=2,
    most=2,
    flags=(Flag("force", SWITCH, "Force the container to disconnect from a network", short="f"),),
)
