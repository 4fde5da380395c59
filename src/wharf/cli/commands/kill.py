"""`container kill`, `kill`: send a signal to running containers."""

from __future__ import annotations

from wharf.cli.command import Command, for_each
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import STRING
from wharf.client import containers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Send it to each."""

    def act(name: str) -> str:
        containers.kill(session.engine, name, parsed.text("signal"))
        return name

    for_each(parsed.arguments, act)


COMMAND = Command(
    "[OPTIONS] CONTAINER [CONTAINER...]",
    run,
    least=1,
    flags=(Flag("signal", STRING, "Signal to send to the container", short="s"),),
)
