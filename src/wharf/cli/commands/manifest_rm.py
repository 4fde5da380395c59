"""`manifest rm`: drop manifest lists that are kept here."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.errors import CliError
from wharf.cli.flags import Parsed
from wharf.cli.manifest_store import EXPERIMENTAL, ManifestStore, NoSuchManifest, normalized

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Drop each; what is not there does not keep the others."""
    store = ManifestStore(session.config)
    failures: list[str] = []
    for name in parsed.arguments:
        try:
            target = normalized(name)
            if not store.has(target):
                raise NoSuchManifest(target.full)
            store.remove(target)
        except CliError as error:
            failures.append(str(error))
    if failures:
        raise CliError("\n".join(failures))


COMMAND = Command(
    "MANIFEST_LIST [MANIFEST_LIST...]",
    run,
    least=1,
    long="Delete one or more manifest lists from local storage"
    + EXPERIMENTAL.replace("{command}", "{program} manifest rm"),
)
