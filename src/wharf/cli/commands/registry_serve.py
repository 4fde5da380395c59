"""`registry serve`: this process becomes a registry, with the flags given."""

from __future__ import annotations

import os

from wharf.cli.autostart import registry_program
from wharf.cli.command import Command
from wharf.cli.flags import Parsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(_session: Session, parsed: Parsed) -> None:
    """Become it."""
    program = [*registry_program(), *parsed.arguments]
    os.execv(program[0], program)  # noqa: S606 - no shell is wanted


COMMAND = Command("[OPTIONS]", run, passes_all=True)
