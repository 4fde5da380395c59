"""`container ls`, `ps`: list containers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial

from wharf.cli.command import Command
from wharf.cli.flags import Flag, Parsed
from wharf.cli.format_flag import LIST_FORMAT
from wharf.cli.kinds import FILTER, INT, SWITCH
from wharf.cli.output.listing import Listing
from wharf.cli.output.text import ellipsis, go_quote, short_id
from wharf.client import containers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session
    from wharf.client.shapes import ContainerSummary

HEADERS = {
    "ID": "CONTAINER ID",
    "Image": "IMAGE",
    "Command": "COMMAND",
    "RunningFor": "CREATED",
    "CreatedAt": "CREATED AT",
    "Ports": "PORTS",
    "State": "STATE",
    "Status": "STATUS",
    "Size": "SIZE",
    "Names": "NAMES",
    "Labels": "LABELS",
    "Mounts": "MOUNTS",
    "LocalVolumes": "LOCAL VOLUMES",
    "Networks": "NETWORKS",
    "Platform": "PLATFORM",
}
_USUAL = ("ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names")
_RAW = (
    "container_id: {{.ID}}\nimage: {{.Image}}\ncommand: {{.Command}}\ncreated_at: {{.CreatedAt}}\n"
    "state: {{- pad .State 1 0}}\nstatus: {{- pad .Status 1 0}}\nnames: {{.Names}}\n"
    "labels: {{- pad .Labels 1 0}}\nports: {{- pad .Ports 1 0}}\n"
)


class _Columns:
    """The columns of one container; `no_trunc` leaves everything at its full length."""

    def __init__(self, container: ContainerSummary, *, no_trunc: bool) -> None:
        self._container = container
        self._no_trunc = no_trunc

    def identifier(self) -> str:
        full = self._container["Id"]
        return full if self._no_trunc else short_id(full)

    def names(self) -> str:
        names = [name.removeprefix("/") for name in self._container.get("Names") or []]
        if not self._no_trunc:
            names = next(([name] for name in names if "/" not in name), names)
        return ",".join(names)

    def image(self) -> str:
        image = self._container.get("Image", "")
        if not image:
            return "<no image>"
        if self._no_trunc:
            return image
        by_id = short_id(self._container.get("ImageID", ""))
        if by_id and by_id == short_id(image):
            return by_id
        # A name with a digest is shown without it; an image known by nothing but its digest keeps that.
        name, _, digest = image.partition("@")
        return name if digest else image

    def command(self) -> str:
        command = self._container.get("Command", "")
        return go_quote(command if self._no_trunc else ellipsis(command, 20))

    def created_at(self) -> str:
        from wharf.cli.output.duration import go_time

        return go_time(self._container.get("Created", 0))

    def running_for(self) -> str:
        from wharf.duration import human_duration

        return human_duration(time.time() - self._container.get("Created", 0)) + " ago"

    def ports(self) -> str:
        from wharf.cli.output.ports import display_ports

        return display_ports(self._container.get("Ports") or [])

    def size(self) -> str:
        from wharf.cli.output.units import human_size

        written = human_size(self._container.get("SizeRw", 0), 3)
        whole = self._container.get("SizeRootFs", 0)
        return f"{written} (virtual {human_size(whole, 3)})" if whole > 0 else written

    def labels(self) -> str:
        labels = self._container.get("Labels") or {}
        return ",".join(f"{name}={labels[name]}" for name in sorted(labels))

    def label(self, name: str) -> str:
        return (self._container.get("Labels") or {}).get(name, "")

    def mounts(self) -> str:
        names = [
            mount.get("Name") or mount.get("Source", "") for mount in self._container.get("Mounts") or []
        ]
        return ",".join(names if self._no_trunc else [ellipsis(name, 15) for name in names])

    def local_volumes(self) -> str:
        return str(sum(mount.get("Driver") == "local" for mount in self._container.get("Mounts") or []))

    def networks(self) -> str:
        settings = self._container.get("NetworkSettings") or {}
        return ",".join(settings.get("Networks") or {})

    def all(self) -> Mapping[str, Callable[..., object]]:
        """Return every column by its name."""
        return {
            "ID": self.identifier,
            "Names": self.names,
            "Image": self.image,
            "Command": self.command,
            "CreatedAt": self.created_at,
            "RunningFor": self.running_for,
            "Ports": self.ports,
            "State": partial(self._container.get, "State", ""),
            "Status": partial(self._container.get, "Status", ""),
            "Size": self.size,
            "Labels": self.labels,
            "Label": self.label,
            "Mounts": self.mounts,
            "LocalVolumes": self.local_volumes,
            "Networks": self.networks,
            "Platform": lambda: None,
        }


def columns(container: ContainerSummary) -> Mapping[str, Callable[..., object]]:
    """Return how each column of a container's row is made."""
    return _Columns(container, no_trunc=False).all()


def run(session: Session, parsed: Parsed) -> None:
    """List the containers."""
    quiet = parsed.on("quiet")
    layout = parsed.text("format") or ("" if quiet else session.config.text("psFormat"))
    shows_size = ".Size" in layout or "json" in layout
    with_size = parsed.on("size") or (shows_size and "size" not in parsed.changed)
    last = 1 if parsed.on("latest") and parsed.number("last") == -1 else parsed.number("last")
    rows = containers.listing(
        session.engine,
        everything=parsed.on("all") or last > 0,
        limit=max(last, 0),
        size=with_size,
        filters=parsed.pairs("filter"),
    )
    usual = (*_USUAL, "Size") if parsed.on("size") else _USUAL
    raw = _RAW + "size: {{.Size}}\n" if parsed.on("size") else _RAW
    no_trunc = parsed.on("no-trunc")
    Listing(
        "*formatter.ContainerContext", HEADERS, usual, raw=raw, misfit="failed to execute template"
    ).print(
        (_Columns(row, no_trunc=no_trunc).all() for row in rows),
        layout,
        quiet="ID" if quiet else "",
        labels=True,
    )


COMMAND = Command(
    "[OPTIONS]",
    run,
    most=0,
    flags=(
        Flag("all", SWITCH, "Show all containers (default shows just running)", short="a"),
        Flag("filter", FILTER, "Filter output based on conditions provided", short="f"),
        LIST_FORMAT,
        Flag("last", INT, "Show n last created containers (includes all states)", short="n", default=-1),
        Flag("latest", SWITCH, "Show the latest created container (includes all states)", short="l"),
        Flag("no-trunc", SWITCH, "Don't truncate output"),
        Flag("quiet", SWITCH, "Only display container IDs", short="q"),
        Flag("size", SWITCH, "Display total file sizes", short="s"),
    ),
)
