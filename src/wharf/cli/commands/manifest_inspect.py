"""`manifest inspect`: show a manifest or a manifest list, a kept one before one in a registry."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import SWITCH
from wharf.cli.manifest_store import EXPERIMENTAL, ManifestStore, go_json, normalized

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.manifest_store import Manifest
    from wharf.cli.reference import Reference
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Show it; with a list named before it, what that list keeps of it."""
    from wharf.cli.manifest_registry import fetch_any

    *of_list, name = parsed.arguments
    reference = normalized(name)
    store = ManifestStore(session.config)
    found: Manifest | list[Manifest]
    if of_list:
        found = store.image(normalized(of_list[0]), reference)
    elif store.has(reference):
        found = store.images(reference)
    else:
        found = fetch_any(session.config, reference, insecure=parsed.on("insecure"))
    print(go_json(found, "\t") if parsed.on("verbose") else _plain(reference, found))


def _plain(reference: Reference, found: Manifest | list[Manifest]) -> str:
    if isinstance(found, list):
        from wharf.cli.manifest_registry import assembled

        return assembled(reference, found)[1]
    import json
    from base64 import b64decode

    return json.dumps(json.loads(b64decode(found["Raw"])), ensure_ascii=False, indent="\t")


COMMAND = Command(
    "[OPTIONS] [MANIFEST_LIST] MANIFEST",
    run,
    least=1,
    most=2,
    flags=(
        Flag("insecure", SWITCH, "Allow communication with an insecure registry"),
        Flag("verbose", SWITCH, "Output additional info including layers and platform", short="v"),
    ),
    long="Display an image manifest, or manifest list"
    + EXPERIMENTAL.replace("{command}", "{program} manifest inspect"),
)
