"""`image push`, `push`: send an image to its registry."""

from __future__ import annotations

import sys

from wharf.cli.command import Command
from wharf.cli.credentials import registry_auth
from wharf.cli.errors import CliError
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import STRING, SWITCH
from wharf.cli.output.progress import discard, show_progress
from wharf.cli.platform import platform_json
from wharf.cli.reference import parse
from wharf.client import images

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session

_NOTE = (
    "Using --platform pushes only the specified platform manifest of a multi-platform image index.",
    "Other components, like attestations, will not be included.",
    "To push the complete multi-platform image, remove the --platform flag.",
    "",
)


def run(session: Session, parsed: Parsed) -> None:
    """Send it; with `--quiet`, only say what it is called in full."""
    platform = platform_json(parsed.text("platform"))
    if platform:
        session.warn("\n Info -> " + "\n         ".join(_NOTE))
    reference = parse(parsed.arguments[0])
    every_tag, quiet = parsed.on("all-tags"), parsed.on("quiet")
    if every_tag and (reference.tag or reference.digest):
        raise CliError("tag can't be used with --all-tags/-a")
    if not every_tag and not reference.tag and not reference.digest:
        reference = reference.with_default_tag()
        if not quiet:
            print(f"Using default tag: {reference.tag}", flush=True)
    if reference.digest:
        raise CliError("cannot push a digest reference")
    messages = images.push(
        session.engine,
        reference.familiar_name,
        reference.tag,
        platform=platform,
        registry_auth=registry_auth(session, reference.domain),
    )
    if not quiet:
        show_progress(messages, sys.stdout)
        return
    discard(messages)
    print(f"{reference.domain}/{reference.path}" + (f":{reference.tag}" if reference.tag else ""))


COMMAND = Command(
    "[OPTIONS] NAME[:TAG]",
    run,
    least=1,
    most=1,
    flags=(
        Flag("all-tags", SWITCH, "Push all tags of an image to the repository", short="a"),
        Flag("disable-content-trust", SWITCH, "Skip image signing", default=True),
        Flag(
            "platform",
            STRING,
            "Push a platform-specific manifest as a single-platform image to the registry.\n"
            "Image index won't be pushed, meaning that other manifests, including attestations won't be "
            "preserved.\n"
            "'os[/arch[/variant]]': Explicit platform (eg. linux/amd64)",
        ),
        Flag("quiet", SWITCH, "Suppress verbose output", short="q"),
    ),
)
