"""The ports of a container as the API speaks of them: what may be asked, what is shown."""

from ipaddress import ip_address

from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.errors import InvalidParameter
from wharf.network.ports import PROTOCOLS
from wharf.schema.container import Port
from wharf.schema.host_config import HostConfig, PortBinding, PortMap

_PORT_MAX = 65535


def check(host: HostConfig) -> None:
    """Refuse bindings that name no port, in Docker's words."""
    for port, bindings in (host.port_bindings or {}).items():
        number, _, protocol = port.partition("/")
        if not _is_port(number):
            raise InvalidParameter(f'invalid port specification: "{port}"')
        if (protocol or "tcp") not in PROTOCOLS:
            raise InvalidParameter(f"invalid port specification: {port!r}")
        for binding in bindings or ():
            first, dash, last = binding.host_port.partition("-")
            if binding.host_port and not (_is_port(first) and (not dash or _is_port(last))):
                raise InvalidParameter(f'invalid port specification: "{binding.host_port}"')
            if binding.host_ip and not _is_address(binding.host_ip):
                raise InvalidParameter(f"invalid IP address: {binding.host_ip}")


def shown_ports(context: Context, container: Container) -> PortMap:
    """Return inspect's ports: the published ones, and null for those that are exposed only."""
    if not _has_network(container):
        return {}
    exposed = {port if "/" in port else f"{port}/tcp" for port in container.record.config.exposed_ports}
    shown: PortMap = dict.fromkeys(exposed)
    for port in context.networks.ports.of(container.id):
        binding = PortBinding(host_ip=port.host_ip, host_port=str(port.host_port))
        key = f"{port.container_port}/{port.protocol}"
        shown[key] = [*(shown.get(key) or ()), binding]
    return {key: shown[key] for key in sorted(shown)}


def listed_ports(context: Context, container: Container) -> list[Port]:
    """Return the list's ports."""
    found: list[Port] = []
    for key, bindings in shown_ports(context, container).items():
        number, _, protocol = key.partition("/")
        if bindings is None:
            found.append(Port(private_port=int(number), type=protocol))
        found += [
            Port(
                ip=binding.host_ip,
                private_port=int(number),
                public_port=int(binding.host_port),
                type=protocol,
            )
            for binding in bindings or ()
        ]
    return found


def _has_network(container: Container) -> bool:
    return container.run is not None and any(one.ip or one.ip6 for one in container.run.endpoints)


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) <= _PORT_MAX


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
