"""What a container asks of its places in networks."""

from collections.abc import Sequence

from wharf.engine.containers.record import Record
from wharf.errors import EngineError, InvalidParameter
from wharf.network.endpoint import EndpointRequest
from wharf.network.networks import Networks
from wharf.schema.network import EndpointIPAMConfig, Endpoints, EndpointSettings, NetworkingConfig

DEFAULT = "default"
"""What clients call the default bridge when they name no network."""

BRIDGE = "bridge"


SHARED = "container:"
"""How the mode of a container begins that uses another one's network."""


def settled(networking: NetworkingConfig | None, mode: str, networks: Networks) -> Endpoints:
    """Return the places asked for, under the networks' own names, that of the mode among them."""
    asked = (networking.endpoints_config if networking else None) or {}
    if mode.startswith(SHARED):
        return {}
    return {_own_name(name, networks): settings for name, settings in {mode: None, **asked}.items()}


def _own_name(name: str, networks: Networks) -> str:
    if name == DEFAULT:
        return BRIDGE
    try:
        return networks.find(name).name
    except EngineError:  # it may come to be before the container is started
        return name


def in_order(record: Record) -> list[str]:
    """Return the names of a container's networks in the order in which it is connected: its mode's first."""
    mode = record.host_config.network_mode
    return sorted(record.endpoints, key=lambda name: (name != mode, name))


def parse_link(text: str) -> tuple[str, str]:
    """Return the name and the alias of a link, `name:alias` or `/name:/parent/alias`."""
    if not text:
        raise InvalidParameter("empty string specified for links")
    name, *others = text.split(":")
    if len(others) > 1:
        raise InvalidParameter(f"bad format for links: {text}")
    alias = others[0] if others else name
    return (name[1:], alias.rpartition("/")[2]) if name.startswith("/") else (name, alias)


def request(
    record: Record, network: str, settings: EndpointSettings | None, *, has_names: bool
) -> EndpointRequest:
    """Return what a container wants of its endpoint in `network`."""
    wanted = settings or EndpointSettings()
    ipam = wanted.ipam_config or EndpointIPAMConfig()
    is_mode = record.host_config.network_mode in {network, DEFAULT}
    mac = wanted.mac_address or (record.config.mac_address if is_mode else "")
    aliases = tuple(wanted.aliases or ())
    return EndpointRequest(
        ip=ipam.ipv4_address or None,
        ip6=ipam.ipv6_address or None,
        mac=mac or None,
        link_local_ips=tuple(ipam.link_local_ips),
        driver_opts=wanted.driver_opts or {},
        gw_priority=wanted.gw_priority,
        container_name=record.name,
        aliases=aliases,
        names=dns_names(record, aliases) if has_names else (),
        links={alias: name for name, alias in map(parse_link, wanted.links or ())} if has_names else {},
    )


def dns_names(record: Record, aliases: Sequence[str]) -> tuple[str, ...]:
    """Return what a container is called on a network that has names, each once."""
    hostname = record.config.hostname
    return tuple(dict.fromkeys(filter(None, (record.name, *aliases, record.short_id, hostname))))
