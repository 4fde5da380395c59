"""`container top`, `top`: the processes of a container."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.flags import Parsed
from wharf.cli.output.table import align
from wharf.client import containers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session

_WIDTH = 20
"""Docker's columns of this table are at least so wide."""


def run(session: Session, parsed: Parsed) -> None:
    """Print them as ps(1) would, but for its widths."""
    container, *ps_options = parsed.arguments
    found = containers.top(session.engine, container, ps_options)
    rows = [found.get("Titles") or [], *(found.get("Processes") or [])]
    print("\n".join(align(["\t".join(row) for row in rows], minimum=_WIDTH)))


COMMAND = Command("CONTAINER [ps OPTIONS]", run, least=1, interspersed=False)
