"""`--subnet`, `--ip-range`, `--gateway`, `--aux-address`: which belongs to which, by Docker's rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wharf.cli.errors import CliError


def consolidate(
    subnets: Sequence[str], ranges: Sequence[str], gateways: Sequence[str], auxiliary: Mapping[str, str]
) -> list[dict[str, object]]:
    """Return the ranges of a new network as the API has them, sorted by subnet.

    Raises:
        CliError: in Docker's words.
    """
    if len(subnets) < len(ranges) or len(subnets) < len(gateways):
        raise CliError("every ip-range or gateway must have a corresponding subnet")
    made: dict[str, dict[str, object]] = {}
    for subnet in subnets:
        for known in made:
            if _matches(subnet, known) or _matches(known, subnet):
                raise CliError("multiple overlapping subnet configuration is not supported")
        made[subnet] = {"Subnet": subnet}
    for text in ranges:
        _put(made, "IPRange", "range", "ranges", text)
    for text in gateways:
        _put(made, "Gateway", "gateway", "gateways", text)
    for name, text in auxiliary.items():
        config = made[_owner(made, text, f"aux-address {text}")]
        addresses = config.setdefault("AuxiliaryAddresses", {})
        assert isinstance(addresses, dict)
        addresses[name] = text
    return [made[subnet] for subnet in sorted(made)]


def _put(made: dict[str, dict[str, object]], key: str, one: str, many: str, text: str) -> None:
    subnet = _owner(made, text, f"{one} {text}")
    if key in made[subnet]:
        the_same = "on the same" if one == "range" else "for the same"
        raise CliError(
            f"cannot configure multiple {many} ({text}, {made[subnet][key]}) {the_same} subnet ({subnet})"
        )
    made[subnet][key] = text


def _owner(made: Mapping[str, object], text: str, what: str) -> str:
    for subnet in made:
        if _matches(subnet, text):
            return subnet
    raise CliError(f"no matching subnet for {what}")


def _matches(subnet: str, text: str) -> bool:
    """Return whether `text`, a range or an address, lies in `subnet`; CliError where that is none."""
    from ipaddress import ip_address, ip_network  # 10 ms, for the few who name subnets

    try:
        network = ip_network(subnet if "/" in subnet else "", strict=False)
    except ValueError:
        raise CliError(f"invalid subnet: invalid CIDR address: {subnet}") from None
    try:
        address = ip_address(text.partition("/")[0])
    except ValueError:
        return False
    return address.version == network.version and address in network
