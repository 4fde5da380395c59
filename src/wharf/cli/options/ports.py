"""`-p` and `--expose`: ports in, and the API's two tables of them out."""

from __future__ import annotations

from wharf.cli.errors import CliError
from wharf.cli.kinds import read_int

Bindings = dict[str, list[dict[str, str]]]


def parse_ports(publish: list[str], expose: list[str]) -> tuple[dict[str, object], Bindings]:
    """Return ExposedPorts and PortBindings.

    Raises:
        CliError: in Docker's words.
    """
    exposed: dict[str, object] = {}
    bindings: Bindings = {}
    for text in publish:
        for port, binding in _published(_short_form(text)):
            exposed.setdefault(port, {})
            bindings.setdefault(port, []).append(binding)
    for text in expose:
        if ":" in text:
            raise CliError(f"invalid port format for --expose: {text}")
        protocol, ports = _split_protocol(text)
        try:
            first, last = _range(ports)
        except ValueError as error:
            raise CliError(f"invalid range format for --expose: {text}, error: {error}") from None
        for number in range(first, last + 1):
            exposed.setdefault(f"{number}/{protocol}", {})
    return exposed, bindings


def _short_form(text: str) -> str:
    """Return `published=8080,target=80` as `8080:80/tcp`."""
    if "=" not in text:
        return text
    fields = {"protocol": "tcp", "published": "", "target": ""}
    for field in text.split(","):
        key, equals, value = field.partition("=")
        if not equals:
            raise CliError(f"invalid publish opts format (should be name=value but got '{field}')")
        fields[key] = value
    return f"{fields['published']}:{fields['target']}/{fields['protocol']}"


def _published(text: str) -> list[tuple[str, dict[str, str]]]:
    *before, container = text.split(":")
    host = before.pop() if before else ""
    ip = _address(":".join(before))
    protocol, container = _split_protocol(container)
    if not container:
        raise CliError(f"no port specified: {text}<empty>")
    try:
        first, last = _range(container)
    except ValueError:
        raise CliError(f"invalid containerPort: {container}") from None
    try:
        host_first, host_last = _range(host) if host else (0, 0)
    except ValueError:
        raise CliError(f"invalid hostPort: {host}") from None
    if host and last - first != host_last - host_first and last != first:
        # A single port of the container may be given a whole range to choose from.
        raise CliError(f"invalid ranges specified for container and host Ports: {container} and {host}")
    if protocol.lower() not in ("tcp", "udp", "sctp"):
        raise CliError(f"invalid proto: {protocol}")
    result: list[tuple[str, dict[str, str]]] = []
    for index, number in enumerate(range(first, last + 1)):
        host_port = str(host_first + index) if host else ""
        if first == last and host_first != host_last:
            host_port = f"{host_first}-{host_last}"
        result.append((f"{number}/{protocol.lower()}", {"HostIp": ip, "HostPort": host_port}))
    return result


def _address(text: str) -> str:
    if not text:
        return ""
    address = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    import ipaddress

    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise CliError(f"invalid IP address: {address}") from None
    return address


def _split_protocol(text: str) -> tuple[str, str]:
    port, _, protocol = text.partition("/")
    return protocol or "tcp", port


def _range(text: str) -> tuple[int, int]:
    if not text:
        raise ValueError("empty string specified for ports")
    first_text, dash, last_text = text.partition("-")
    first = read_int(first_text, 0, 65535, call="ParseUint", base=10)
    last = read_int(last_text, 0, 65535, call="ParseUint", base=10) if dash else first
    if last < first:
        raise ValueError(f"invalid range specified for port: {text}")
    return first, last
