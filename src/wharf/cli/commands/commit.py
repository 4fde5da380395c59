"""`container commit`, `commit`: an image of what a container has become."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import LIST, STRING, SWITCH
from wharf.cli.reference import parse
from wharf.client import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Make it and print its id."""
    container, *names = parsed.arguments
    repository = tag = ""
    if names and names[0]:
        reference = parse(names[0])
        repository, tag = reference.familiar_name, reference.tag
    image_id = files.commit(
        session.engine,
        container,
        repository=repository,
        tag=tag,
        author=parsed.text("author"),
        message=parsed.text("message"),
        changes=parsed.texts("change"),
        pause=parsed.on("pause"),
    )
    print(image_id)


COMMAND = Command(
    "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
    run,
    least=1,
    most=2,
    flags=(
        Flag("author", STRING, 'Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")', short="a"),
        Flag("change", LIST, "Apply Dockerfile instruction to the created image", short="c"),
        Flag("message", STRING, "Commit message", short="m"),
        Flag("pause", SWITCH, "Pause container during commit", short="p", default=True),
    ),
)
