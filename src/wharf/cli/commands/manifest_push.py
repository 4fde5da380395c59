"""`manifest push`: send a manifest list to its registry, with what its repository lacks of the images."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.errors import CliError
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import SWITCH
from wharf.cli.manifest_store import EXPERIMENTAL, ManifestStore, normalized

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Send it, and say under which digest it is known."""
    from wharf.cli.manifest_registry import push

    target = normalized(parsed.arguments[0])
    store = ManifestStore(session.config)
    images = store.images(target)
    if not images:
        raise CliError(f"{target.full} not found")
    for image in images:
        platform = image["Descriptor"].get("platform") or {}
        if not platform.get("architecture") or not platform.get("os"):
            raise CliError(
                f"manifest {image['Ref']} must have an OS and Architecture to be pushed to a registry"
            )
    for name, digest in push(session.config, target, images, insecure=parsed.on("insecure")):
        print(digest if name == target.full else f"Pushed ref {name} with digest: {digest}", flush=True)
    if parsed.on("purge"):
        store.remove(target)


COMMAND = Command(
    "[OPTIONS] MANIFEST_LIST",
    run,
    least=1,
    most=1,
    flags=(
        Flag("insecure", SWITCH, "Allow push to an insecure registry"),
        Flag("purge", SWITCH, "Remove the local manifest list after push", short="p"),
    ),
    long="Push a manifest list to a repository"
    + EXPERIMENTAL.replace("{command}", "{program} manifest push"),
)
