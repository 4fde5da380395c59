"""`network ls`: list networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wharf.cli.command import Command
from wharf.cli.flags import Flag, Parsed
from wharf.cli.format_flag import LIST_FORMAT
from wharf.cli.kinds import FILTER, SWITCH
from wharf.cli.output.listing import Listing
from wharf.cli.output.text import short_id
from wharf.client import networks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session
    from wharf.client.shapes import NetworkSummary

_HEADERS = {
    "ID": "NETWORK ID",
    "Name": "NAME",
    "Driver": "DRIVER",
    "Scope": "SCOPE",
    "IPv4": "IPV4",
    "IPv6": "IPV6",
    "Internal": "INTERNAL",
    "Labels": "LABELS",
    "CreatedAt": "CREATED AT",
}
_RAW = "network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n"


def _word(*, yes: bool) -> str:
    return "true" if yes else "false"


def _columns(network: NetworkSummary, *, no_trunc: bool) -> Mapping[str, Callable[..., object]]:
    labels = network.get("Labels") or {}
    return {
        "ID": lambda: network["Id"] if no_trunc else short_id(network["Id"]),
        "Name": lambda: network["Name"],
        "Driver": lambda: network["Driver"],
        "Scope": lambda: network["Scope"],
        "IPv4": lambda: _word(yes=network.get("EnableIPv4", False)),
        "IPv6": lambda: _word(yes=network.get("EnableIPv6", False)),
        "Internal": lambda: _word(yes=network.get("Internal", False)),
        "Labels": lambda: ",".join(f"{name}={labels[name]}" for name in sorted(labels)),
        "Label": lambda name: labels.get(name, ""),
        "CreatedAt": lambda: network.get("Created", "").replace("T", " ").replace("Z", " +0000 UTC"),
    }


def run(session: Session, parsed: Parsed) -> None:
    """List the networks, by name."""
    rows = networks.listing(session.engine, filters=parsed.pairs("filter"))
    rows.sort(key=lambda network: network["Name"])
    quiet = parsed.on("quiet")
    layout = parsed.text("format") or ("" if quiet else session.config.text("networksFormat"))
    no_trunc = parsed.on("no-trunc")
    Listing("*network.networkContext", _HEADERS, ("ID", "Name", "Driver", "Scope"), raw=_RAW).print(
        (_columns(row, no_trunc=no_trunc) for row in rows), layout, quiet="ID" if quiet else "", labels=True
    )


COMMAND = Command(
    "[OPTIONS]",
    run,
    most=0,
    flags=(
        Flag("filter", FILTER, 'Provide filter values (e.g. "driver=bridge")', short="f"),
        LIST_FORMAT,
        Flag("no-trunc", SWITCH, "Do not truncate the output"),
        Flag("quiet", SWITCH, "Only display network IDs", short="q"),
    ),
)
