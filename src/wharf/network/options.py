"""The driver options of a bridge network: `docker network create --opt`; refused in Docker's words."""

from ipaddress import ip_address

from wharf.errors import Internal, InvalidParameter
from wharf.linux.netlink.link import NAME_MAX
from wharf.network.network import (
    OPTION_BRIDGE,
    OPTION_DEFAULT_BRIDGE,
    OPTION_GATEWAY_MODE,
    OPTION_HOST_BINDING,
    OPTION_ICC,
    OPTION_INHIBIT_IPV4,
    OPTION_MASQUERADE,
    OPTION_MTU,
    Network,
)

_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})
_BOOLEANS = (OPTION_ICC, OPTION_MASQUERADE, OPTION_INHIBIT_IPV4, OPTION_DEFAULT_BRIDGE)
_MODES = frozenset({"", "nat", "nat-unprotected", "routed", "isolated"})


def check(network: Network) -> None:
    """Refuse options that mean nothing; one that is unknown is kept and shown, as Docker does."""
    given = network.options
    for option in _BOOLEANS:
        value = given.get(option)
        if value is not None and value not in _TRUE | _FALSE:
            raise _Unreadable(option, value, f'strconv.ParseBool: parsing "{value}": invalid syntax')
    _check_mtu(given.get(OPTION_MTU))
    for option in OPTION_GATEWAY_MODE.values():
        mode = given.get(option, "")
        if mode not in _MODES:
            raise _Unreadable(option, mode, f"unknown gateway mode {mode}")
        if mode == "isolated" and not network.internal:
            raise InvalidParameter("gateway mode 'isolated' can only be used for an internal network")
    _check_binding(given.get(OPTION_HOST_BINDING))
    name = given.get(OPTION_BRIDGE, "")
    if len(name.encode()) > NAME_MAX:
        raise Internal("numerical result out of range")
    if "/" in name or any(character.isspace() for character in name) or name in {".", ".."}:
        raise Internal("invalid argument")


def _check_mtu(value: str | None) -> None:
    if value is None:
        return
    try:
        mtu = int(value)
    except ValueError:
        raise _Unreadable(OPTION_MTU, value, f'strconv.Atoi: parsing "{value}": invalid syntax') from None
    if mtu < 0:
        raise InvalidParameter(f"invalid MTU number: {mtu}")


def _check_binding(value: str | None) -> None:
    if not value:
        return
    try:
        ip_address(value)
    except ValueError:
        raise _Unreadable(OPTION_HOST_BINDING, value, "nil ip") from None


class _Unreadable(InvalidParameter):
    def __init__(self, option: str, value: str, reason: str) -> None:
        super().__init__(f"failed to parse {option} value: {value} ({reason})")
