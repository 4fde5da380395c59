"""`logout`: forget what `login` kept."""

from __future__ import annotations

from wharf.cli import credentials
from wharf.cli.command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.flags import Parsed
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Forget it."""
    key = credentials.host_of(parsed.arguments[0] if parsed.arguments else "")
    print(f"Removing login credentials for {key}", flush=True)
    failures = credentials.forget(session.config, key)
    if failures:
        session.warn("WARNING: could not erase credentials:")
        for failure in failures:
            session.warn(failure)


COMMAND = Command(
    "[SERVER]",
    run,
    most=1,
    long="Log out from a registry.\nIf no server is specified, the default is defined by the daemon.",
)
