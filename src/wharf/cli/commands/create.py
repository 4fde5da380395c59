"""`container create`, `create`: make a container and print its id."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.creation import check_pull, create_container, pull_flag
from wharf.cli.errors import CannotRun, CliError
from wharf.cli.flags import Parsed
from wharf.cli.options.container_config import build_request, check_platform_flags
from wharf.cli.options.table import CONTAINER_FLAGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Create it."""
    check_platform_flags(parsed)
    try:
        check_pull(parsed)
        request = build_request(session, parsed)
    except CliError as error:
        program = session.program
        raise CannotRun(f"{program}: {error}\n\nRun '{program} create --help' for more information") from None
    print(create_container(session, parsed, request))


COMMAND = Command(
    "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    run,
    least=1,
    interspersed=False,
    flags=(*CONTAINER_FLAGS, pull_flag("creating")),
)
