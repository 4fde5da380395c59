"""Legacy links, `--link` on the default bridge: names and variables by which a container knows another.

A link is a name of the other container, `parent/alias`. On users' networks a link is an alias that the
container's own resolver knows (`places.request`), and nothing of this.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from wharf.engine.containers import places
from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.engine.containers.joined import donor_of
from wharf.engine.containers.record import Link, Record
from wharf.errors import EngineError, Internal, InvalidParameter
from wharf.network.endpoint import Endpoint
from wharf.schema.host_config import HostConfig

_NO_NETWORK_OF_USERS = (places.BRIDGE, places.DEFAULT, "none")
_NOT_TOLD = ("HOME", "PATH")
_HOST_CONFLICT = (
    "conflicting options: host type networking can't be used with links. "
    "This would result in undefined behavior"
)


def register(context: Context, host: HostConfig) -> list[Link]:
    """Return the links that a new container asks for, one for each alias; raises InvalidParameter."""
    if host.network_mode not in _NO_NETWORK_OF_USERS:
        return []
    links: dict[str, Link] = {}
    for text in host.links or ():
        name, alias = places.parse_link(text)
        child = _found(context, name)
        while (donor := donor_of(child.record.host_config.network_mode)) is not None:
            child = _found(context, donor)
        if child.record.host_config.network_mode == "host":
            raise InvalidParameter(_HOST_CONFLICT)
        if alias:
            links.setdefault(alias, Link(alias, child.id, child.name))
    return list(links.values())


def _found(context: Context, name: str) -> Container:
    try:
        if not name:
            raise InvalidParameter('invalid name or ID supplied: ""')
        return context.index.find(name)
    except EngineError as error:
        raise InvalidParameter(f"could not get container for {name}: {error}") from error


def shown(context: Context, record: Record) -> list[str] | None:
    """Return the links as inspect shows them: `/child:/parent/alias`."""
    return [f"/{_name(context, link)}:/{record.name}/{link.alias}" for link in record.links] or None


def names_of(context: Context, container: Container) -> list[str]:
    """Return what those that link to a container call it: `parent/alias`."""
    return sorted(f"{parent.name}/{link.alias}" for parent, link in _parents(context, container))


def variables(context: Context, record: Record) -> list[str]:
    """Return the variables that tell of the linked containers.

    Raises Internal where one of them does not run, or is not on the default bridge.
    """
    told: list[str] = []
    for link, child, endpoint in _children(context, record):
        config = child.record.config
        told += environment(
            link.alias,
            name=f"/{record.name}/{link.alias}",
            address=endpoint.ip,
            ports=config.exposed_ports or (),
            env=config.env or (),
        )
    return told


def host_lines(context: Context, record: Record) -> list[tuple[str, str]]:
    """Return the addresses and names of the linked containers, for the hosts file; raises as `variables`."""
    lines = []
    for link, child, endpoint in _children(context, record):
        names = dict.fromkeys((link.alias, child.record.config.hostname))
        if link.alias != child.name:
            names[child.name] = None
        lines += [(address, " ".join(names)) for address in (endpoint.ip, endpoint.ip6) if address]
    return lines


def parents(context: Context, container: Container) -> Iterator[tuple[Container, str]]:
    """Iterate over the running containers that link to this one, and those being started, with the alias."""
    for parent, link in _parents(context, container):
        if parent.run is not None and places.BRIDGE in parent.record.endpoints:
            yield parent, link.alias


def led_to(text: str, alias: str, address: str) -> str:
    """Return a hosts file in which `alias` has another address of the same IP version."""
    separator = ":" if ":" in address else "."

    def change(found: re.Match[str]) -> str:
        return f"{address}{found[2]}" if separator in found[1] else found[0]

    return re.sub(rf"(?m)^(\S+)(\t{re.escape(alias)}(?:\s|$))", change, text)


def without(text: str, alias: str) -> str:
    """Return a hosts file without the lines that a link has put there."""
    return re.sub(rf"(?m)^\S+\t{re.escape(alias)}(?:[ \t].*)?\n", "", text)


def split(context: Context, ref: str) -> tuple[Container, str]:
    """Return the container whose link `parent/alias` is, and the alias; raises in Docker's words."""
    context.index.find(ref)
    parent, _, alias = ref.removeprefix("/").rpartition("/")
    if not parent:
        raise Internal("Conflict, cannot remove the default link name of the container")
    return context.index.find(parent), alias


async def remove(context: Context, container: Container, alias: str) -> None:
    """Take a link off a container's record; the caller holds its lock."""
    kept = [link for link in container.record.links if link.alias != alias]
    await context.index.change(container, msgspec.structs.replace(container.record, links=kept))


def _children(context: Context, record: Record) -> Iterator[tuple[Link, Container, Endpoint]]:
    if places.BRIDGE not in record.endpoints:
        return
    for link in record.links:
        child = context.index.get(link.container)
        if child is None or not child.is_alive:
            name = _name(context, link)
            raise Internal(f"Cannot link to a non running container: /{name} AS /{record.name}/{link.alias}")
        on_bridge = [one for one in context.networks.endpoints(child.id) if one.network_name == places.BRIDGE]
        if not on_bridge:
            raise Internal(f"container {child.id} not attached to default bridge network")
        yield link, child, on_bridge[0]


def _parents(context: Context, container: Container) -> Iterator[tuple[Container, Link]]:
    for parent in context.index.linking():
        for link in parent.record.links:
            if link.container == container.id:
                yield parent, link


def _name(context: Context, link: Link) -> str:
    child = context.index.get(link.container)
    return child.name if child is not None else link.name


def environment(
    alias: str, *, name: str, address: str, ports: Iterable[str], env: Iterable[str]
) -> list[str]:
    """Return what a container is told of a linked one, as Docker words it."""
    prefix = alias.upper().replace("-", "_")
    known = sorted(_port(port) for port in ports)
    told: list[str] = []
    if known:
        number, _, protocol = known[0]
        told.append(f"{prefix}_PORT={protocol}://{address}:{number}")
    for first, last in _ranges(known):
        told += _of_range(f"{prefix}_PORT_{first[0]}", address, first, last)
    for number, _, protocol in known:
        key = f"{prefix}_PORT_{number}_{protocol.upper()}"
        told += [f"{key}={protocol}://{address}:{number}", f"{key}_ADDR={address}"]
        told += [f"{key}_PORT={number}", f"{key}_PROTO={protocol}"]
    told.append(f"{prefix}_NAME={name}")
    told += [
        f"{prefix}_ENV_{entry}" for entry in env if "=" in entry and entry.partition("=")[0] not in _NOT_TOLD
    ]
    return told


_Port = tuple[int, bool, str]
"""Number, whether it is not of TCP, protocol: in this order they are told."""


def _port(text: str) -> _Port:
    number, _, protocol = text.partition("/")
    return int(number), protocol not in {"", "tcp"}, protocol or "tcp"


def _ranges(ports: Sequence[_Port]) -> Iterator[tuple[_Port, _Port]]:
    """Iterate over the first and last ports of the runs of numbers, counted as Docker counts them."""
    start = 0
    while start < len(ports):
        end, value = start + 1, ports[start][0]
        while end < len(ports) and ports[end][0] <= value + 1:
            end, value = end + 1, value + 1
        if end > start + 1:
            yield ports[start], ports[end - 1]
        start = end


def _of_range(key: str, address: str, first: _Port, last: _Port) -> list[str]:
    begin, end = f"{key}_{first[2].upper()}", f"{key}_{last[2].upper()}"
    return [
        f"{begin}_START={first[2]}://{address}:{first[0]}",
        f"{begin}_ADDR={address}",
        f"{begin}_PROTO={first[2]}",
        f"{begin}_PORT_START={first[0]}",
        f"{end}_END={last[2]}://{address}:{last[0]}",
        f"{end}_PORT_END={last[0]}",
    ]
