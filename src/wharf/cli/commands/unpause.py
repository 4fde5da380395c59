"""`container unpause`, `unpause`: let paused containers go on."""

from __future__ import annotations

from wharf.cli.command import Command, for_each
from wharf.cli.flags import Parsed
from wharf.client import containers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Let each go on."""

    def act(name: str) -> str:
        containers.unpause(session.engine, name)
        return name

    for_each(parsed.arguments, act)


COMMAND = Command(
    "CONTAINER [CONTAINER...]",
    run,
    least=1,
)
