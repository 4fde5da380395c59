"""`network create`: make a network and print its id."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.flags import Flag, Kind, Parsed
from wharf.cli.kinds import STRING, STRINGS, SWITCH, listed
from wharf.cli.options.csv import csv_fields
from wharf.cli.options.ranges import consolidate
from wharf.cli.options.values import label
from wharf.client import networks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session

_MAP = Kind("map", str, many=True, shown_empty="map[]")


def _table(texts: list[str]) -> dict[str, str]:
    pairs = (text.partition("=") for text in texts)
    return {name: value for name, _, value in pairs}


def _split(texts: list[str]) -> list[str]:
    return [field for text in texts for field in csv_fields(text)]


def run(session: Session, parsed: Parsed) -> None:
    """Create it."""
    ranges = consolidate(
        _split(parsed.texts("subnet")),
        _split(parsed.texts("ip-range")),
        _split(parsed.texts("gateway")),
        _table(parsed.texts("aux-address")),
    )
    request: dict[str, object] = {
        "Name": parsed.arguments[0],
        "Driver": parsed.text("driver"),
        "Scope": parsed.text("scope"),
        "IPAM": {
            "Driver": parsed.text("ipam-driver"),
            "Options": _table(parsed.texts("ipam-opt")),
            "Config": ranges,
        },
        "Internal": parsed.on("internal"),
        "Attachable": parsed.on("attachable"),
        "Ingress": parsed.on("ingress"),
        "ConfigOnly": parsed.on("config-only"),
        "ConfigFrom": {"Network": parsed.text("config-from")} if parsed.text("config-from") else None,
        "Options": _table(parsed.texts("opt")),
        "Labels": _table(parsed.texts("label")),
    }
    for flag, key in (("ipv4", "EnableIPv4"), ("ipv6", "EnableIPv6")):
        if flag in parsed.changed:
            request[key] = parsed.on(flag)
    created = networks.create(session.engine, request)
    if warning := created.get("Warning"):
        session.warn(f"WARNING: {warning}")
    print(created["Id"])


COMMAND = Command(
    "[OPTIONS] NETWORK",
    run,
    least=1,
    most=1,
    flags=(
        Flag("attachable", SWITCH, "Enable manual container attachment"),
        Flag("aux-address", _MAP, "Auxiliary IPv4 or IPv6 addresses used by Network driver"),
        Flag("config-from", STRING, "The network from which to copy the configuration"),
        Flag("config-only", SWITCH, "Create a configuration only network"),
        Flag("driver", STRING, "Driver to manage the Network", short="d", default="bridge"),
        Flag("gateway", STRINGS, "IPv4 or IPv6 Gateway for the master subnet"),
        Flag("ingress", SWITCH, "Create swarm routing-mesh network"),
        Flag("internal", SWITCH, "Restrict external access to the network"),
        Flag("ip-range", STRINGS, "Allocate container ip from a sub-range"),
        Flag("ipam-driver", STRING, "IP Address Management Driver", default="default"),
        Flag("ipam-opt", _MAP, "Set IPAM driver specific options"),
        Flag("ipv4", SWITCH, "Enable or disable IPv4 address assignment", default=True),
        Flag("ipv6", SWITCH, "Enable or disable IPv6 address assignment"),
        Flag("label", listed(label), "Set metadata on a network"),
        Flag("opt", _MAP, "Set driver specific options", short="o"),
        Flag("scope", STRING, "Control the network's scope"),
        Flag("subnet", STRINGS, "Subnet in CIDR format that represents a network segment"),
    ),
)
