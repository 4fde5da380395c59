"""`image import`, `import`: an image of one layer from an archive of a root file system."""

from __future__ import annotations

import sys

from wharf.cli.command import Command
from wharf.cli.errors import CliError
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import LIST, STRING
from wharf.cli.output.files import pieces_of
from wharf.cli.output.progress import show_progress
from wharf.cli.reference import parse
from wharf.client import images

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Import it and print its id."""
    source, *names = parsed.arguments
    repository = tag = ""
    if names:
        try:
            reference = parse(names[0])
        except CliError as error:
            raise CliError(str(error)) from None
        repository, tag = reference.familiar_name, reference.tag
    is_url = source.startswith(("http://", "https://", "ftp://"))
    messages = images.import_archive(
        session.engine,
        source if is_url else "-",
        None if is_url else pieces_of(source),
        repository=repository,
        tag_name=tag,
        message=parsed.text("message"),
        changes=parsed.texts("change"),
        platform=parsed.text("platform"),
    )
    show_progress(messages, sys.stdout)


COMMAND = Command(
    "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
    run,
    least=1,
    flags=(
        Flag("change", LIST, "Apply Dockerfile instruction to the created image", short="c"),
        Flag("message", STRING, "Set commit message for imported image", short="m"),
        Flag("platform", STRING, "Set platform if server is multi-platform capable"),
    ),
)
