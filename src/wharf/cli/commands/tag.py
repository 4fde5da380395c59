"""`image tag`, `tag`: give an image a further name."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.errors import CliError
from wharf.cli.flags import Parsed
from wharf.cli.reference import parse
from wharf.client import images

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Tag it."""
    source, target = parsed.arguments
    try:
        reference = parse(target)
    except CliError as error:
        raise CliError(
            f'Error parsing reference: "{target}" is not a valid repository/tag: {error}'
        ) from None
    if reference.digest:
        raise CliError("refusing to create a tag with a digest reference")
    images.tag(session.engine, source, reference.familiar_name, reference.tag or "latest")


COMMAND = Command("SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]", run, least=2, most=2)
