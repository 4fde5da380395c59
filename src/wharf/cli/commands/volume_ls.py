"""`volume ls`: list volumes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from wharf.cli.command import Command
from wharf.cli.flags import Flag, Parsed
from wharf.cli.format_flag import LIST_FORMAT
from wharf.cli.kinds import FILTER, SWITCH
from wharf.cli.output.listing import Listing
from wharf.client import volumes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session
    from wharf.client.shapes import Volume

_HEADERS = {
    "Name": "VOLUME NAME",
    "Driver": "DRIVER",
    "Scope": "SCOPE",
    "Availability": "AVAILABILITY",
    "Mountpoint": "MOUNTPOINT",
    "Labels": "LABELS",
    "Links": "LINKS",
    "Size": "SIZE",
    "Group": "GROUP",
    "Status": "STATUS",
}
_RAW = "name: {{.Name}}\ndriver: {{.Driver}}\n"
_CLUSTERED = ("Name", "Group", "Driver", "Availability", "Status")
_ONLY_ELSEWHERE = ("Availability", "Group", "Links", "Size", "Status")
"""Known of volumes of a cluster, or to `system df`."""


def _columns(volume: Volume) -> Mapping[str, Callable[..., object]]:
    labels = volume.get("Labels") or {}
    return {
        "Name": lambda: volume["Name"],
        "Driver": lambda: volume["Driver"],
        "Scope": lambda: volume["Scope"],
        "Mountpoint": lambda: volume["Mountpoint"],
        "Labels": lambda: ",".join(f"{name}={labels[name]}" for name in sorted(labels)),
        "Label": lambda name: labels.get(name, ""),
        **dict.fromkeys(_ONLY_ELSEWHERE, lambda: "N/A"),
    }


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """Return the key by which v2 stands before v10."""
    pieces = re.findall(r"\d+|\D+", name)
    return [(not piece.isdigit(), int(piece) if piece.isdigit() else 0, piece) for piece in pieces]


def run(session: Session, parsed: Parsed) -> None:
    """List the volumes, by name."""
    rows = volumes.listing(session.engine, filters=parsed.pairs("filter"))
    clustered = parsed.on("cluster")
    rows = [volume for volume in rows if not clustered or "ClusterVolume" in volume]
    rows.sort(key=lambda volume: _natural(volume["Name"]))
    quiet = parsed.on("quiet")
    layout = parsed.text("format") or ("" if quiet else session.config.text("volumesFormat"))
    Listing(
        "*formatter.volumeContext", _HEADERS, _CLUSTERED if clustered else ("Driver", "Name"), raw=_RAW
    ).print(map(_columns, rows), layout, quiet="Name" if quiet else "", labels=True)


COMMAND = Command(
    "[OPTIONS]",
    run,
    most=0,
    flags=(
        Flag(
            "cluster",
            SWITCH,
            "Display only cluster volumes, and use cluster volume list formatting",
            hidden=True,
        ),
        Flag("filter", FILTER, 'Provide filter values (e.g. "dangling=true")', short="f"),
        LIST_FORMAT,
        Flag("quiet", SWITCH, "Only display volume names", short="q"),
    ),
)
