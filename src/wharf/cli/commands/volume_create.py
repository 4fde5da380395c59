"""`volume create`: make a volume, or take the one that is there."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.errors import CliError
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import BYTES, LIST, STRING, listed
from wharf.cli.options import values
from wharf.cli.options.environment import labels
from wharf.client import volumes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session

_MAP = listed(str, "map", shown_empty="map[]")


def run(session: Session, parsed: Parsed) -> None:
    """Make it, and print its name."""
    name = parsed.text("name")
    if parsed.arguments:
        if name:
            raise CliError(
                "conflicting options: cannot specify a volume-name through both --name and as a "
                "positional arg"
            )
        name = parsed.arguments[0]
    wanted: dict[str, object] = {"Driver": parsed.text("driver")}
    options = labels([], parsed.texts("opt"))
    optional = {"DriverOpts": options, "Labels": labels([], parsed.texts("label")), "Name": name}
    wanted.update((key, value) for key, value in optional.items() if value)
    if parsed.changed & {flag.name for flag in _CLUSTER_FLAGS}:
        wanted["ClusterVolumeSpec"] = _cluster_spec(parsed)
    print(volumes.create(session.engine, wanted))


def _cluster_spec(parsed: Parsed) -> dict[str, object]:
    kind = "MountVolume" if parsed.text("type") == "mount" else "BlockVolume"
    return {
        "Group": parsed.text("group"),
        "AccessMode": {"Scope": parsed.text("scope"), "Sharing": parsed.text("sharing"), kind: {}},
        "Availability": parsed.text("availability"),
    }


_CLUSTER_FLAGS = (
    Flag(
        "availability",
        STRING,
        'Cluster Volume availability ("active", "pause", "drain")',
        default="active",
        hidden=True,
    ),
    Flag("group", STRING, "Cluster Volume group (cluster volumes)", hidden=True),
    Flag("limit-bytes", BYTES, "Minimum size of the Cluster Volume in bytes", hidden=True),
    Flag("required-bytes", BYTES, "Maximum size of the Cluster Volume in bytes", hidden=True),
    Flag(
        "scope",
        STRING,
        'Cluster Volume access scope ("single", "multi")',
        default="single",
        hidden=True,
    ),
    Flag("secret", _MAP, "Cluster Volume secrets", hidden=True),
    Flag(
        "sharing",
        STRING,
        'Cluster Volume access sharing ("none", "readonly", "onewriter", "all")',
        default="none",
        hidden=True,
    ),
    Flag(
        "topology-preferred",
        LIST,
        "A topology that the Cluster Volume would be preferred in",
        hidden=True,
    ),
    Flag(
        "topology-required",
        LIST,
        "A topology that the Cluster Volume must be accessible from",
        hidden=True,
    ),
    Flag(
        "type",
        STRING,
        'Cluster Volume access type ("mount", "block")',
        default="block",
        hidden=True,
    ),
)
"""Shown, in Docker's client, where the engine is a swarm manager; the engine refuses them otherwise."""

COMMAND = Command(
    "[OPTIONS] [VOLUME]",
    run,
    most=1,
    flags=(
        Flag("driver", STRING, "Specify volume driver name", short="d", default="local"),
        Flag("label", listed(values.label), "Set metadata for a volume"),
        Flag("name", STRING, "Specify volume name", hidden=True),
        Flag("opt", _MAP, "Set driver specific options", short="o"),
        *_CLUSTER_FLAGS,
    ),
)
