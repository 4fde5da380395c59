"""`image inspect`: all about images."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.flags import Flag, Parsed
from wharf.cli.format_flag import INSPECT_FORMAT
from wharf.cli.kinds import STRING
from wharf.cli.output.inspection import print_inspection
from wharf.cli.platform import platform_json
from wharf.client import images

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Print them."""
    platform = platform_json(parsed.text("platform")) or None
    print_inspection(
        parsed.arguments,
        parsed.text("format"),
        lambda name: images.inspect_raw(session.engine, name, platform=platform),
    )


COMMAND = Command(
    "[OPTIONS] IMAGE [IMAGE...]",
    run,
    least=1,
    flags=(
        INSPECT_FORMAT,
        Flag(
            "platform",
            STRING,
            "Inspect a specific platform of the multi-platform image.\n"
            "If the image or the server is not multi-platform capable, the command will error out if the "
            "platform does not match.\n"
            "'os[/arch[/variant]]': Explicit platform (eg. linux/amd64)",
        ),
    ),
)
