"""What a container may ask of its place in a network; refused in Docker's words."""

import re
from ipaddress import ip_address, ip_network

from wharf.errors import InvalidParameter
from wharf.network.endpoint import EndpointRequest, parse_mac
from wharf.network.errors import InvalidEndpoint
from wharf.network.network import PREDEFINED, Network

OPTION_SYSCTLS = "com.docker.network.endpoint.sysctls"
_NO_SUBNET = (
    "user specified IP address is supported only when connecting to networks with user configured subnets"
)
_SYSCTL = re.compile(r"(net\.(?:ipv4|ipv6|mpls)\.[a-z0-9_]+\.)(?:IFNAME|ifname)(\.[a-z0-9_]+)=(.*)", re.ASCII)
"""Docker's client writes IFNAME small."""


def check(network: Network | None, name: str, request: EndpointRequest, *, is_new: bool) -> None:
    """Refuse what cannot be; `network` is None for one that does not exist (yet).

    `is_new` says that a container is being created with it, and not connected to it. Raises InvalidEndpoint,
    InvalidParameter.
    """
    if request.mac:
        _check_mac(request.mac, name if is_new else "")
    faults: list[str] = []
    if name in PREDEFINED:
        if request.ip or request.ip6:
            faults.append("user specified IP address is supported on user defined networks only")
        if request.aliases:
            faults.append("network-scoped alias is supported only for containers in user defined networks")
    for version, text in ((4, request.ip), (6, request.ip6)):
        if text and not _is_address(text, version):
            faults.append(f"invalid IPv{version} address: {text}")
    if network is not None:
        faults += _out_of_range(network, 4, request.ip) + _out_of_range(network, 6, request.ip6)
    if faults:
        raise InvalidEndpoint(name if is_new else "", *faults)
    sysctls(request.driver_opts)


def sysctls(driver_opts: dict[str, str]) -> dict[str, str]:
    """Return the sysctls asked for, by their paths below /proc/sys with IFNAME in them.

    Raises InvalidParameter. Only those of the endpoint's own link are allowed: no name leads elsewhere.
    """
    found: dict[str, str] = {}
    for item in filter(None, driver_opts.get(OPTION_SYSCTLS, "").split(",")):
        parts = _SYSCTL.fullmatch(item)
        if parts is None:
            raise InvalidParameter(
                f"invalid endpoint settings:\ninvalid config for network interface in driver option "
                f"'{OPTION_SYSCTLS}': unrecognised network interface sysctl '{item}'; represent "
                "'net.X.Y.ethN.Z=V' as 'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4', 'ipv6' or 'mpls'"
            )
        before, after, value = parts.groups()
        found[before.replace(".", "/") + "IFNAME" + after.replace(".", "/")] = value
    return found


def _is_address(text: str, version: int) -> bool:
    try:
        return ip_address(text).version == version
    except ValueError:
        return False


def _out_of_range(network: Network, version: int, text: str | None) -> list[str]:
    if not text:
        return []
    subnets = [
        ip_network(config.subnet)
        for config in network.ipam
        if config.version == version and not config.is_chosen
    ]
    if not subnets:
        return [_NO_SUBNET]
    if _is_address(text, version) and any(ip_address(text) in subnet for subnet in subnets):
        return []
    return [f"no configured subnet or ip-range contain the IP address {text}"]


def _check_mac(text: str, network: str) -> None:
    try:
        parse_mac(text)
    except InvalidParameter as error:
        context = f"invalid config for network {network}: " if network else ""
        raise InvalidParameter(f"{context}invalid MAC address {text}") from error
