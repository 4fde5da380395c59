"""`image save`, `save`: images in an archive."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.errors import CliError
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import STRING
from wharf.cli.output.files import check_output, write_file
from wharf.cli.platform import platform_json
from wharf.cli.streams.terminal import STDOUT, is_terminal
from wharf.client import images

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Save them."""
    path = parsed.text("output")
    if not path and is_terminal(STDOUT):
        raise CliError("cowardly refusing to save to a terminal. Use the -o flag or redirect")
    if path:
        try:
            check_output(path)
        except CliError as error:
            raise CliError(f"failed to save image: {error}") from None
    platform = platform_json(parsed.text("platform"))
    response = images.save(session.engine, parsed.arguments, platforms=[platform] if platform else [])
    write_file(path, response.pieces())


COMMAND = Command(
    "[OPTIONS] IMAGE [IMAGE...]",
    run,
    least=1,
    flags=(
        Flag("output", STRING, "Write to a file, instead of STDOUT", short="o"),
        Flag(
            "platform",
            STRING,
            'Save only the given platform variant. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")',
        ),
    ),
)
