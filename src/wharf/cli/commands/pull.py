"""`image pull`, `pull`: fetch an image from its registry."""

from __future__ import annotations

import sys

from wharf.cli.command import Command
from wharf.cli.errors import CliError
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import STRING, SWITCH
from wharf.cli.pull import fetch
from wharf.cli.reference import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Fetch it, and say what it is called in full."""
    reference = parse(parsed.arguments[0])
    every_tag, quiet = parsed.on("all-tags"), parsed.on("quiet")
    if every_tag and (reference.tag or reference.digest):
        raise CliError("tag can't be used with --all-tags/-a")
    if not every_tag and not reference.tag and not reference.digest:
        reference = reference.with_default_tag()
        if not quiet:
            print("Using default tag: latest", flush=True)
    fetch(
        session,
        reference,
        platform=parsed.text("platform"),
        every_tag=every_tag,
        out=None if quiet else sys.stdout,
    )
    tag = f":{reference.tag}" if reference.tag else ""
    digest = f"@{reference.digest}" if reference.digest else ""
    print(f"{reference.domain}/{reference.path}{tag}{digest}")


COMMAND = Command(
    "[OPTIONS] NAME[:TAG|@DIGEST]",
    run,
    least=1,
    most=1,
    flags=(
        Flag("all-tags", SWITCH, "Download all tagged images in the repository", short="a"),
        Flag("disable-content-trust", SWITCH, "Skip image verification", default=True),
        Flag("platform", STRING, "Set platform if server is multi-platform capable"),
        Flag("quiet", SWITCH, "Suppress verbose output", short="q"),
    ),
)
