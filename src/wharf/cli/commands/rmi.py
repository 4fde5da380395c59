"""`image rm`, `rmi`: remove images, or names of them."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.errors import CliError
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import STRINGS, SWITCH
from wharf.cli.platform import platform_json
from wharf.client import images
from wharf.client.errors import ApiError, ClientError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Remove each; with `--force`, what is not there is no failure."""
    force = parsed.on("force")
    platforms = [platform_json(platform) for text in parsed.texts("platform") for platform in text.split(",")]
    failures: list[str] = []
    fatal = False
    for name in parsed.arguments:
        try:
            removed = images.remove(
                session.engine, name, force=force, prune=not parsed.on("no-prune"), platforms=platforms
            )
        except ClientError as error:
            fatal = fatal or not isinstance(error, ApiError) or error.status != 404
            failures.append(str(error))
            continue
        for item in removed:
            if "Deleted" in item:
                print(f"Deleted: {item['Deleted']}")
            else:
                print(f"Untagged: {item['Untagged']}")
    if failures:
        text = "\n".join(failures)
        if fatal or not force:
            raise CliError(text)
        session.warn(text)


COMMAND = Command(
    "[OPTIONS] IMAGE [IMAGE...]",
    run,
    least=1,
    flags=(
        Flag("force", SWITCH, "Force removal of the image", short="f"),
        Flag("no-prune", SWITCH, "Do not delete untagged parents"),
        Flag(
            "platform",
            STRINGS,
            'Remove only the given platform variant. Formatted as "os[/arch[/variant]]" '
            '(e.g., "linux/amd64")',
        ),
    ),
)
