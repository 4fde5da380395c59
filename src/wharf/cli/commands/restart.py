"""`container restart`, `restart`: stop containers and start them again."""

from __future__ import annotations

from wharf.cli.command import Command, for_each
from wharf.cli.errors import CliError
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import INT, STRING
from wharf.client import containers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Restart each."""
    if "time" in parsed.changed and "timeout" in parsed.changed:
        raise CliError("conflicting options: cannot specify both --timeout and --time")
    timeout = parsed.number("timeout") if "timeout" in parsed.changed else None
    if "time" in parsed.changed:
        timeout = parsed.number("time")

    def act(name: str) -> str:
        containers.restart(session.engine, name, timeout_s=timeout, signal=parsed.text("signal"))
        return name

    for_each(parsed.arguments, act)


COMMAND = Command(
    "[OPTIONS] CONTAINER [CONTAINER...]",
    run,
    least=1,
    flags=(
        Flag("signal", STRING, "Signal to send to the container", short="s"),
        Flag("time", INT, deprecated="use --timeout instead"),
        Flag("timeout", INT, "Seconds to wait before killing the container", short="t"),
    ),
)
