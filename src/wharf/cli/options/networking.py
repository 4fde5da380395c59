"""`--network` and its companions: the networks of a new container and its place in each."""

from __future__ import annotations

from wharf.cli.errors import CliError
from wharf.cli.flags import Parsed
from wharf.cli.options.csv import csv_fields


class Attachment:
    """One `--network`."""

    __slots__ = (
        "aliases",
        "driver_options",
        "ip4",
        "ip6",
        "link_local",
        "links",
        "mac",
        "priority",
        "target",
    )

    def __init__(self, target: str) -> None:
        self.target = target
        self.aliases: list[str] = []
        self.driver_options: dict[str, str] = {}
        self.links: list[str] = []
        self.ip4 = ""
        self.ip6 = ""
        self.link_local: list[str] = []
        self.mac = ""
        self.priority = 0


def parse_network(text: str) -> Attachment:
    """Return what a network's name, or `name=…,alias=…,ip=…` says.

    Raises:
        ValueError: in Docker's words.
    """
    key, equals, value = text.partition("=")
    if not (equals and key[-1:].isalnum() and value[:1].isalnum()):
        return Attachment(text)
    attachment = Attachment("")
    for field in csv_fields(text):
        key, equals, value = field.partition("=")
        if not equals or not key:
            raise ValueError(f"invalid field {field}")
        _set(attachment, key.strip(), value.strip())
    if not attachment.target:
        raise ValueError("network name/id is not specified")
    return attachment


def _set(attachment: Attachment, key: str, value: str) -> None:
    if key == "name":
        attachment.target = value
    elif key == "alias":
        attachment.aliases.append(value)
    elif key == "ip":
        attachment.ip4 = value
    elif key == "ip6":
        attachment.ip6 = value
    elif key == "mac-address":
        if not is_mac(value):
            raise ValueError(f"{value} is not a valid mac address")
        attachment.mac = value
    elif key == "link-local-ip":
        attachment.link_local.append(value)
    elif key == "driver-opt":
        name, equals, setting = value.partition("=")
        if not equals or not name:
            raise ValueError("invalid key value pair format in driver options")
        attachment.driver_options[name.strip()] = setting.strip()
    elif key == "gw-priority":
        try:
            attachment.priority = int(value)
        except ValueError:
            raise ValueError(
                f'invalid gw-priority ({value}): strconv.Atoi: parsing "{value}": invalid syntax'
            ) from None
    else:
        raise ValueError(f"invalid field key {key}")


def is_mac(text: str) -> bool:
    """Return whether `text` is an address of 6, 8 or 20 bytes in one of the usual forms."""
    for separator, width in ((":", 2), ("-", 2), (".", 4)):
        parts = text.split(separator)
        size = len(parts) * width // 2
        if size in (6, 8, 20) and all(len(part) == width and _is_hex(part) for part in parts):
            return True
    return False


def _is_hex(text: str) -> bool:
    return all(character in "0123456789abcdefABCDEF" for character in text)


def _is_user_defined(target: str) -> bool:
    return target not in ("default", "bridge", "host", "none") and not target.startswith("container:")


def network_mode(parsed: Parsed) -> str:
    """Return the network that counts as the container's mode."""
    attachments = _attachments(parsed)
    return attachments[0].target


def _attachments(parsed: Parsed) -> list[Attachment]:
    given = [item for item in parsed.items("network") if isinstance(item, Attachment)]
    return given or [Attachment("default")]


def endpoints(parsed: Parsed) -> dict[str, object]:
    """Return EndpointsConfig.

    Raises:
        CliError: in Docker's words.
    """
    attachments = _attachments(parsed)
    user_defined = [_is_user_defined(attachment.target) for attachment in attachments]
    config: dict[str, object] = {}
    for index, attachment in enumerate(attachments):
        if index == 0:
            _apply_old_flags(attachment, parsed)
        endpoint = _endpoint(attachment)
        if attachment.target in config:
            raise CliError(f'network "{attachment.target}" is specified multiple times')
        # A network asked for by its name alone is the mode, and needs no settings.
        if parsed.items("network") == [attachment] and not any(endpoint.values()):
            continue
        config[attachment.target] = endpoint
    if any(user_defined) and not all(user_defined):
        raise CliError(
            "conflicting options: cannot attach both user-defined and non-user-defined network-modes"
        )
    return config


def _apply_old_flags(first: Attachment, parsed: Parsed) -> None:
    """Give the first network what is said by the flags that are older than `--network`'s own fields."""
    aliases, links = parsed.texts("network-alias"), parsed.texts("link")
    ip4, ip6, mac = parsed.text("ip"), parsed.text("ip6"), parsed.text("mac-address")
    local = parsed.texts("link-local-ip")
    conflicts = (
        (first.aliases and aliases, "--network-alias and per-network alias"),
        (first.links and links, "--link and per-network links"),
        (first.ip4 and ip4, "--ip and per-network IPv4 address"),
        (first.ip6 and ip6, "--ip6 and per-network IPv6 address"),
        (first.mac and mac, "--mac-address and per-network MAC address"),
        (first.link_local and local, "--link-local-ip and per-network link-local IP addresses"),
    )
    for conflict, what in conflicts:
        if conflict:
            raise CliError(f"conflicting options: cannot specify both {what}")
    first.aliases = aliases or first.aliases
    if links and _is_user_defined(first.target):
        first.links = links
    first.ip4, first.ip6, first.mac = ip4 or first.ip4, ip6 or first.ip6, mac or first.mac
    first.link_local = local or first.link_local


def _endpoint(attachment: Attachment) -> dict[str, object]:
    if not attachment.target.strip():
        raise CliError("no name set for network")
    if not _is_user_defined(attachment.target):
        if attachment.aliases:
            raise CliError("network-scoped aliases are only supported for user-defined networks")
        if attachment.links:
            raise CliError("links are only supported for user-defined networks")
    ipam: dict[str, object] | None = None
    if attachment.ip4 or attachment.ip6 or attachment.link_local:
        ipam = {
            "IPv4Address": attachment.ip4,
            "IPv6Address": attachment.ip6,
            "LinkLocalIPs": attachment.link_local,
        }
        ipam = {key: value for key, value in ipam.items() if value}
    return {
        "IPAMConfig": ipam,
        "Links": attachment.links or None,
        "Aliases": attachment.aliases or None,
        "MacAddress": attachment.mac,
        "DriverOpts": attachment.driver_options or None,
        "GwPriority": attachment.priority,
        "NetworkID": "",
        "EndpointID": "",
        "Gateway": "",
        "IPAddress": "",
        "IPPrefixLen": 0,
        "IPv6Gateway": "",
        "GlobalIPv6Address": "",
        "GlobalIPv6PrefixLen": 0,
        "DNSNames": None,
    }
