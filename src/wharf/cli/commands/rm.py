"""`container rm`, `rm`: remove containers."""

from __future__ import annotations

from wharf.cli.command import Command, for_each
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import SWITCH
from wharf.client import containers
from wharf.client.errors import ApiError, ClientError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Remove each."""
    force = parsed.on("force")

    def act(name: str) -> str | None:
        stripped = name.strip("/")
        if not stripped:
            raise ClientError("container name cannot be empty")
        try:
            containers.remove(
                session.engine, stripped, force=force, volumes=parsed.on("volumes"), link=parsed.on("link")
            )
        except ApiError as error:
            if not force or error.status != 404:
                raise
            # What is gone already was to be gone: Docker says so, and succeeds.
            session.warn(str(error))
            return None
        return name

    for_each(parsed.arguments, act)


COMMAND = Command(
    "[OPTIONS] CONTAINER [CONTAINER...]",
    run,
    least=1,
    flags=(
        Flag("force", SWITCH, "Force the removal of a running container (uses SIGKILL)", short="f"),
        Flag("link", SWITCH, "Remove the specified link", short="l"),
        Flag("volumes", SWITCH, "Remove anonymous volumes associated with the container", short="v"),
    ),
)
