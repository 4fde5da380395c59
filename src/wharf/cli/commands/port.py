"""`container port`, `port`: where a container's ports are published."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.errors import CliError
from wharf.cli.flags import Parsed
from wharf.cli.kinds import read_int
from wharf.cli.output.ports import join_host_port
from wharf.client import containers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session
    from wharf.client.shapes import PortBinding


def run(session: Session, parsed: Parsed) -> None:
    """Print them all, or those of one port."""
    container, *rest = parsed.arguments
    details = containers.inspect(session.engine, container)
    ports = details["NetworkSettings"].get("Ports") or {}
    lines: list[str] = []
    if rest:
        lines = _one(container, rest[0], ports)
    else:
        for port, bindings in ports.items():
            lines += [f"{port} -> {_address(binding)}" for binding in bindings or []]
        lines.sort(key=_natural)
    if lines:
        print("\n".join(lines))


def _one(container: str, text: str, ports: dict[str, list[PortBinding] | None]) -> list[str]:
    number, slash, protocol = text.partition("/")
    try:
        read_int(number, 0, 65535, call="ParseUint", base=10)
    except ValueError as error:
        reason = str(error).rpartition(": ")[2]
        raise CliError(f"Error: invalid port ({number}): {reason}") from None
    bindings = ports.get(f"{number}/{protocol if slash else 'tcp'}")
    if not bindings:
        raise CliError(f"Error: No public port '{text}' published for {container}")
    return sorted((_address(binding) for binding in bindings), key=_natural)


def _address(binding: PortBinding) -> str:
    return join_host_port(binding["HostIp"], binding["HostPort"])


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Return a key by which 80 comes before 443, as Docker sorts."""
    key: list[tuple[int, int, str]] = []
    digits = ""
    for character in text + "\0":
        if character.isdigit():
            digits += character
            continue
        if digits:
            key.append((0, int(digits), digits))
            digits = ""
        key.append((1, ord(character), ""))
    return key


COMMAND = Command("CONTAINER [PRIVATE_PORT[/PROTO]]", run, least=1, most=2)
