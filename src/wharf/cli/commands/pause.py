"""`container pause`, `pause`: freeze every process of containers."""

from __future__ import annotations

from wharf.cli.command import Command, for_each
from wharf.cli.flags import Parsed
from wharf.client import containers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Freeze each."""

    def act(name: str) -> str:
        containers.pause(session.engine, name)
        return name

    for_each(parsed.arguments, act)


COMMAND = Command(
    "CONTAINER [CONTAINER...]",
    run,
    least=1,
)
