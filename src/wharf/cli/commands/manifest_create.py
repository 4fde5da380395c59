"""`manifest create`: begin a manifest list, or add to one, of images that are in a registry."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.errors import CliError
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import SWITCH
from wharf.cli.manifest_store import EXPERIMENTAL, ManifestStore, NoSuchManifest, normalized

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Fetch what is not kept yet of each image, and keep it in the list."""
    from wharf.cli.manifest_registry import fetch

    first, *others = parsed.arguments
    try:
        target = normalized(first)
    except CliError as error:
        raise CliError(f"error parsing name for manifest list {first}: {error}") from None
    store = ManifestStore(session.config)
    if store.has(target) and not parsed.on("amend"):
        raise CliError("refusing to amend an existing manifest list with no --amend flag")
    for name in others:
        reference = normalized(name)
        try:
            manifest = store.image(target, reference)
        except NoSuchManifest:
            manifest = fetch(session.config, reference, insecure=parsed.on("insecure"))
        store.save(target, reference, manifest)
    print(f"Created manifest list {target.full}")


COMMAND = Command(
    "MANIFEST_LIST MANIFEST [MANIFEST...]",
    run,
    least=2,
    flags=(
        Flag("amend", SWITCH, "Amend an existing manifest list", short="a"),
        Flag("insecure", SWITCH, "Allow communication with an insecure registry"),
    ),
    long="Create a local manifest list for annotating and pushing to a registry"
    + EXPERIMENTAL.replace("{command}", "{program} manifest create"),
)
