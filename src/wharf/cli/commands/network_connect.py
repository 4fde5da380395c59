"""`network connect`: connect a container to a network."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.errors import CliError
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import INT, STRING, STRINGS, listed
from wharf.cli.options.csv import csv_fields
from wharf.cli.options.values import link
from wharf.client import networks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Connect it."""
    network, container = parsed.arguments
    ipam = {
        "IPv4Address": parsed.text("ip"),
        "IPv6Address": parsed.text("ip6"),
        "LinkLocalIPs": _split(parsed.texts("link-local-ip")),
    }
    settings: dict[str, object] = {
        "IPAMConfig": {key: value for key, value in ipam.items() if value},
        "Links": parsed.texts("link") or None,
        "Aliases": _split(parsed.texts("alias")),
        "DriverOpts": _options(_split(parsed.texts("driver-opt"))),
        "GwPriority": parsed.number("gw-priority"),
    }
    networks.connect(session.engine, network, container, settings)


def _split(texts: list[str]) -> list[str]:
    return [field for text in texts for field in csv_fields(text)]


def _options(texts: list[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise CliError("invalid key/value pair format in driver options")
        options[name.strip()] = value.strip()
    return options


COMMAND = Command(
    "[OPTIONS] NETWORK CONTAINER",
    run,
    least=2,
    most=2,
    flags=(
        Flag("alias", STRINGS, "Add network-scoped alias for the container"),
        Flag("driver-opt", STRINGS, "driver options for the network"),
        Flag(
            "gw-priority",
            INT,
            "Highest gw-priority provides the default gateway. Accepts positive and negative values.",
        ),
        Flag("ip", STRING, 'IPv4 address (e.g., "172.30.100.104")'),
        Flag("ip6", STRING, 'IPv6 address (e.g., "2001:db8::33")'),
        Flag("link", listed(link), "Add link to another container"),
        Flag("link-local-ip", STRINGS, "Add a link-local address for the container"),
    ),
)
