"""`system df`: how much room images, containers, volumes and the build cache take."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.errors import CliError
from wharf.cli.flags import Flag, Parsed
from wharf.cli.format_flag import LIST_FORMAT
from wharf.cli.kinds import SWITCH
from wharf.cli.output.listing import Listing
from wharf.cli.output.units import human_size
from wharf.client import system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from wharf.cli.session import Session

    Row = Mapping[str, Callable[..., object]]

_HEADERS = {
    "Type": "TYPE",
    "TotalCount": "TOTAL",
    "Active": "ACTIVE",
    "Size": "SIZE",
    "Reclaimable": "RECLAIMABLE",
}
_ALIVE = ("running", "paused", "restarting")


def run(session: Session, parsed: Parsed) -> None:
    """Print a line about each kind, or with `--verbose` about each thing."""
    layout = parsed.text("format")
    if parsed.on("verbose") and layout not in ("", "table"):
        raise CliError(f"{session.program}: 'system df --verbose --format' is not available yet")
    usage = system.disk_usage(session.engine)
    if parsed.on("verbose"):
        _print_all(usage)
        return
    rows = [
        _row("Images", usage.get("Images") or [], _images(usage)),
        _row("Containers", usage.get("Containers") or [], _containers(usage)),
        _row("Local Volumes", usage.get("Volumes") or [], _volumes(usage)),
        _row("Build Cache", usage.get("BuildCache") or [], _build_cache(usage), with_percentage=False),
    ]
    Listing("*formatter.diskUsageContext", _HEADERS, tuple(_HEADERS)).print(rows, layout)


def _row(kind: str, things: list[Any], figures: tuple[int, int, int], *, with_percentage: bool = True) -> Row:
    """Return the row of a kind; `figures` are its active things, its bytes, and those that may go."""
    active, size, free = figures
    reclaimable = human_size(free)
    if with_percentage and size > 0:
        reclaimable += f" ({free * 100 // size}%)"
    return {
        "Type": lambda: kind,
        "TotalCount": lambda: str(len(things)),
        "Active": lambda: str(active),
        "Size": lambda: human_size(size),
        "Reclaimable": lambda: reclaimable,
    }


def _images(usage: Mapping[str, Any]) -> tuple[int, int, int]:
    total = usage.get("LayersSize") or 0
    used = [image for image in usage.get("Images") or [] if image["Containers"] != 0]
    counted = [image for image in used if -1 not in (image["Size"], image["SharedSize"])]
    active = sum(image["Containers"] > 0 for image in used)
    return active, total, total - sum(image["Size"] - image["SharedSize"] for image in counted)


def _containers(usage: Mapping[str, Any]) -> tuple[int, int, int]:
    alive = [each for each in usage.get("Containers") or [] if each.get("State") in _ALIVE]
    total = sum(each.get("SizeRw", 0) for each in usage.get("Containers") or [])
    return len(alive), total, total - sum(each.get("SizeRw", 0) for each in alive)


def _volumes(usage: Mapping[str, Any]) -> tuple[int, int, int]:
    known = [each.get("UsageData") or {} for each in usage.get("Volumes") or []]
    sizes = [(data.get("RefCount", -1), max(data.get("Size", -1), 0)) for data in known]
    total = sum(size for _, size in sizes)
    return sum(count > 0 for count, _ in sizes), total, sum(size for count, size in sizes if count == 0)


def _build_cache(usage: Mapping[str, Any]) -> tuple[int, int, int]:
    records = usage.get("BuildCache") or []
    total = sum(each["Size"] for each in records if not each["Shared"])
    used = sum(each["Size"] for each in records if each["InUse"] and not each["Shared"])
    return sum(bool(each["InUse"]) for each in records), total, total - used


def _print_all(usage: Mapping[str, Any]) -> None:
    print("Images space usage:\n")
    _image_table(usage.get("Images") or [])
    print("\nContainers space usage:\n")
    _container_table(usage.get("Containers") or [])
    print("\nLocal Volumes space usage:\n")
    Listing(
        "*formatter.volumeContext", {"Name": "VOLUME NAME", "Links": "LINKS", "Size": "SIZE"},
        ("Name", "Links", "Size"),
    ).print(map(_volume, usage.get("Volumes") or []), "")  # fmt: skip
    print(f"\nBuild cache usage: {human_size(_build_cache(usage)[1])}\n")
    _cache_table(usage.get("BuildCache") or [])


def _image_table(images: list[Any]) -> None:
    from wharf.cli.commands.images import HEADERS, NONE, columns, names_of

    def rows() -> Iterator[Row]:
        for image in images:
            names = [name for name in names_of(image, digests=False) if name[1] != NONE]
            yield columns(image, names[0] if names else (NONE, NONE, ""), no_trunc=False)

    usual = ("Repository", "Tag", "ID", "CreatedSince", "Size", "SharedSize", "UniqueSize", "Containers")
    Listing("*formatter.imageContext", HEADERS, usual).print(rows(), "")


def _container_table(containers: list[Any]) -> None:
    from wharf.cli.commands.ps import HEADERS, columns

    usual = ("ID", "Image", "Command", "LocalVolumes", "Size", "RunningFor", "Status", "Names")
    # Docker leaves the size of the whole root out here.
    for each in containers:
        each["SizeRootFs"] = 0
    Listing("*formatter.ContainerContext", HEADERS, usual).print(map(columns, containers), "")


def _volume(volume: Mapping[str, Any]) -> Row:
    data = volume.get("UsageData") or {}
    return {
        "Name": lambda: volume["Name"],
        "Links": lambda: str(data["RefCount"]) if data else "N/A",
        "Size": lambda: human_size(data["Size"]) if data else "N/A",
    }


def _cache_table(records: list[Any]) -> None:
    import time

    from wharf.cli.output.duration import parse_rfc3339
    from wharf.duration import human_duration

    def since(text: str | None) -> str:
        return f"{human_duration(time.time() - parse_rfc3339(text))} ago" if text else ""

    def row(record: Mapping[str, Any]) -> Row:
        mark = "*" if record["InUse"] else ""
        return {
            "ID": lambda: record["ID"][:12] + mark,
            "CacheType": lambda: record["Type"],
            "Size": lambda: human_size(record["Size"], 3),
            "CreatedSince": lambda: since(record["CreatedAt"]),
            "LastUsedSince": lambda: since(record["LastUsedAt"]),
            "UsageCount": lambda: str(record["UsageCount"]),
            "Shared": lambda: str(bool(record["Shared"])).lower(),
        }

    headers = {
        "ID": "CACHE ID",
        "CacheType": "CACHE TYPE",
        "Size": "SIZE",
        "CreatedSince": "CREATED",
        "LastUsedSince": "LAST USED",
        "UsageCount": "USAGE",
        "Shared": "SHARED",
    }
    Listing("*formatter.buildCacheContext", headers, tuple(headers)).print(map(row, records), "")


COMMAND = Command(
    "[OPTIONS]",
    run,
    most=0,
    flags=(LIST_FORMAT, Flag("verbose", SWITCH, "Show detailed information on space usage", short="v")),
)
