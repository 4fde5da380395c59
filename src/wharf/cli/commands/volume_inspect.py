"""`volume inspect`: all about volumes."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.flags import Parsed
from wharf.cli.format_flag import INSPECT_FORMAT
from wharf.cli.output.inspection import print_inspection
from wharf.client import volumes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Print them."""
    print_inspection(
        parsed.arguments, parsed.text("format"), lambda name: volumes.inspect_raw(session.engine, name)
    )


COMMAND = Command("[OPTIONS] VOLUME [VOLUME...]", run, least=1, flags=(INSPECT_FORMAT,))
