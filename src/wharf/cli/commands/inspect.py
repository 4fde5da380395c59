"""`inspect`: all about objects of any kind: the first kind that has one of that name."""

from __future__ import annotations

from collections.abc import Callable

from wharf.cli.command import Command
from wharf.cli.errors import CliError
from wharf.cli.flags import Flag, Parsed
from wharf.cli.format_flag import INSPECT_FORMAT
from wharf.cli.kinds import STRING, SWITCH
from wharf.cli.output.inspection import print_inspection
from wharf.client import containers, images, networks, system
from wharf.client.engine import Engine
from wharf.client.errors import ApiError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session

_SWARM_KINDS = ("node", "service", "task", "secret", "config")
_ABSENT = (404, 501, 503)
"""What an engine answers about a kind it has nothing of: nothing there, not known, not part of a swarm."""


def _lookups(engine: Engine, *, size: bool) -> dict[str, Callable[[str], bytes]]:
    """Return how each kind is looked up, in the order in which they are tried."""
    lookups: dict[str, Callable[[str], bytes]] = {
        "container": lambda name: containers.inspect_raw(engine, name, size=size),
        "image": lambda name: images.inspect_raw(engine, name),
        "network": lambda name: networks.inspect_raw(engine, name),
        "volume": lambda name: system.inspect_raw(engine, "volumes", name),
    }
    for kind in (*_SWARM_KINDS[:3], "plugin", *_SWARM_KINDS[3:]):
        lookups[kind] = _of_kind(engine, f"{kind}s")
    return lookups


def _of_kind(engine: Engine, kind: str) -> Callable[[str], bytes]:
    return lambda name: system.inspect_raw(engine, kind, name)


def run(session: Session, parsed: Parsed) -> None:
    """Print them."""
    wanted = parsed.text("type")
    if "type" in parsed.changed and not wanted:
        raise CliError(
            'type is empty: must be one of "config", "container", "image", "network", "node", '
            '"plugin", "secret", "service", "task", "volume"'
        )
    lookups = _lookups(session.engine, size=parsed.on("size"))
    if wanted and wanted not in lookups:
        raise CliError(
            f'unknown type: "{wanted}": must be one of "config", "container", "image", "network", "node", '
            '"plugin", "secret", "service", "task", "volume"'
        )

    def fetch(name: str) -> bytes:
        if wanted:
            return lookups[wanted](name)
        for lookup in lookups.values():
            try:
                return lookup(name)
            except ApiError as error:
                if error.status not in _ABSENT and not _is_no_candidate(error):
                    raise
        raise CliError(f"Error: No such object: {name}")

    print_inspection(parsed.arguments, parsed.text("format"), fetch)


def _is_no_candidate(error: ApiError) -> bool:
    """Return whether the engine refused the name or the whole kind, not the object."""
    return error.status == 400 or "not a swarm" in error.message or "plugin" in error.message


COMMAND = Command(
    "[OPTIONS] NAME|ID [NAME|ID...]",
    run,
    least=1,
    flags=(
        INSPECT_FORMAT,
        Flag("size", SWITCH, "Display total file sizes if the type is container", short="s"),
        Flag("type", STRING, "Only inspect objects of the given type"),
    ),
)
