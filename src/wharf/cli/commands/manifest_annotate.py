"""`manifest annotate`: say for which platform an image of a manifest list is."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.errors import CliError
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import STRING, STRINGS
from wharf.cli.manifest_store import EXPERIMENTAL, ManifestStore, NoSuchManifest, normalized

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.reference import Reference
    from wharf.cli.session import Session

_ARCHITECTURES = {
    "darwin": ("386", "amd64", "arm", "arm64"),
    "dragonfly": ("amd64",),
    "freebsd": ("386", "amd64", "arm"),
    "linux": ("386", "amd64", "arm", "arm64", "mips64", "mips64le", "ppc64le", "riscv64", "s390x"),
    "netbsd": ("386", "amd64", "arm"),
    "openbsd": ("386", "amd64", "arm"),
    "plan9": ("386", "amd64"),
    "solaris": ("amd64",),
    "windows": ("386", "amd64"),
}
"""What Docker 28.5 takes, by operating system."""

_ORDER = ("architecture", "os", "os.version", "os.features", "variant")
_FLAGS = {"os": "os", "arch": "architecture", "variant": "variant", "os-version": "os.version"}


def run(session: Session, parsed: Parsed) -> None:
    """Change what the flags name, and keep the rest."""
    list_name, image_name = parsed.arguments
    target = _named(list_name, "manifest list")
    image = _named(image_name, "manifest")
    store = ManifestStore(session.config)
    try:
        manifest = store.image(target, image)
    except NoSuchManifest:
        raise CliError(f"manifest for image {image_name} does not exist in {list_name}") from None
    platform = dict(manifest["Descriptor"].get("platform") or {})
    for flag, key in _FLAGS.items():
        if value := parsed.text(flag):
            platform[key] = value
    features = [feature for text in parsed.texts("os-features") for feature in text.split(",")]
    if known := list(dict.fromkeys([*(platform.get("os.features") or []), *features])):
        platform["os.features"] = known
    if platform.get("architecture") not in _ARCHITECTURES.get(platform.get("os", ""), ()):
        raise CliError(
            "manifest entry for image has unsupported os/arch combination: "
            f"{parsed.text('os')}/{parsed.text('arch')}"
        )
    manifest["Descriptor"]["platform"] = {key: platform[key] for key in _ORDER if key in platform}
    store.save(target, image, manifest)


def _named(text: str, what: str) -> Reference:
    try:
        return normalized(text)
    except CliError as error:
        raise CliError(f"annotate: error parsing name for {what} {text}: {error}") from None


COMMAND = Command(
    "[OPTIONS] MANIFEST_LIST MANIFEST",
    run,
    least=2,
    most=2,
    flags=(
        Flag("arch", STRING, "Set architecture"),
        Flag("os", STRING, "Set operating system"),
        Flag("os-features", STRINGS, "Set operating system feature"),
        Flag("os-version", STRING, "Set operating system version"),
        Flag("variant", STRING, "Set architecture variant"),
    ),
    long="Add additional information to a local image manifest"
    + EXPERIMENTAL.replace("{command}", "{program} manifest annotate"),
)
