"""A container's ports in one cell: ranges are joined, published ports come last."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.client.shapes import Port


def display_ports(ports: list[Port]) -> str:
    """Return `0.0.0.0:8080->80/tcp, 443/tcp` and the like, in Docker's order."""
    groups: dict[tuple[str, str], tuple[int, int]] = {}
    result: list[str] = []
    mappings: list[str] = []
    for port in sorted(ports, key=_order):
        private, public = port["PrivatePort"], port.get("PublicPort", 0)
        kind, ip = port["Type"], port.get("IP", "")
        if public and public != private:
            mappings.append(f"{join_host_port(ip, public)}->{private}/{kind}" if ip else f"{private}/{kind}")
            continue
        key = (ip if public else "", kind)
        if key not in groups:
            groups[key] = (private, private)
            continue
        first, last = groups[key]
        if private == last + 1:
            groups[key] = (first, private)
            continue
        result.append(_group(key, first, last))
        groups[key] = (private, private)
    result += [_group(key, first, last) for key, (first, last) in groups.items()]
    return ", ".join(result + mappings)


def _order(port: Port) -> tuple[int, str, int, str]:
    return port["PrivatePort"], port.get("IP", ""), port.get("PublicPort", 0), port["Type"]


def _group(key: tuple[str, str], first: int, last: int) -> str:
    ip, kind = key
    text = str(first) if first == last else f"{first}-{last}"
    return f"{join_host_port(ip, text)}->{text}/{kind}" if ip else f"{text}/{kind}"


def join_host_port(ip: str, port: int | str) -> str:
    """Return an address with its port; IPv6 in brackets."""
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"
