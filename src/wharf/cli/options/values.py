"""How values of `run`'s flags are read: each function takes a text or raises ValueError in Docker's words."""

from __future__ import annotations

import os

from wharf.cli.kinds import read_int

_SPACES = " \t\n\v\f\r"
_STREAMS = ("stdin", "stdout", "stderr")
_ULIMITS = frozenset({
    "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss",
    "rtprio", "rttime", "sigpending", "stack",
})  # fmt: skip
_SYSCTLS = frozenset({
    "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax",
    "kernel.shmmni", "kernel.shm_rmid_forced",
})  # fmt: skip


def attach(text: str) -> str:
    """Return the name of a stream in lower case."""
    if text.lower() not in _STREAMS:
        raise ValueError("valid streams are STDIN, STDOUT and STDERR")
    return text.lower()


def env(text: str) -> str:
    """Return `NAME=value`; a name alone takes its value from this process's environment, if it is there."""
    name, equals, _ = text.partition("=")
    if not name:
        raise ValueError(f"invalid environment variable: {text}")
    if not equals and name in os.environ:
        return f"{name}={os.environ[name]}"
    return text


def label(text: str) -> str:
    """Return `text` if its name is one for a label."""
    name = text.partition("=")[0].lstrip(_SPACES)
    if not name:
        raise ValueError(f"invalid label '{text}': empty name")
    if any(space in name for space in _SPACES):
        raise ValueError(f"label '{name}' contains whitespaces")
    return text


def ip_address(text: str) -> str:
    """Return an address in its usual form."""
    import ipaddress

    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        raise ValueError(f"IP address is not correctly formatted: {text}") from None


def extra_host(text: str) -> str:
    """Return `name:address` of `name:address` or `name=address`; brackets around the address go."""
    import json

    name, equals, address = text.partition("=")
    if not equals:
        name, equals, address = text.partition(":")
    if not equals or not name or ":" in name:
        raise ValueError(f"bad format for add-host: {json.dumps(text)}")
    if address != "host-gateway":
        if len(address) > 2 and address[0] == "[" and address[-1] == "]":
            address = address[1:-1]
        try:
            ip_address(address)
        except ValueError:
            raise ValueError(f"invalid IP address in add-host: {json.dumps(address)}") from None
    return f"{name}:{address}"


def dns_search(text: str) -> str:
    """Return a domain; a dot stands for none."""
    domain = text.strip(" ")
    if domain == ".":
        return domain
    plain = domain.rstrip().removesuffix(".")
    letters = any(character.isascii() and character.isalpha() for character in domain)
    if not letters or len(plain) >= 255 or not all(map(_is_domain_label, plain.split("."))):
        raise ValueError(f"{domain} is not a valid domain")
    return plain


def _is_domain_label(text: str) -> bool:
    inner = text.lstrip(":").replace("-", "")
    return bool(inner) and inner.isascii() and inner.isalnum() and text[-1] != "-" and text[0] != "-"


def link(text: str) -> str:
    """Return `container` or `container:alias`."""
    if not text:
        raise ValueError("empty string specified for links")
    if text.count(":") > 1:
        raise ValueError(f"bad format for links: {text}")
    return text


def sysctl(text: str) -> tuple[str, str]:
    """Return name and value of a kernel setting that belongs to a namespace."""
    name, equals, value = text.partition("=")
    if not equals or not (name in _SYSCTLS or name.startswith(("net.", "fs.mqueue."))):
        raise ValueError(f"sysctl '{text}' is not allowed")
    return name, value


def pair(text: str) -> tuple[str, str]:
    """Return name and value."""
    name, _, value = text.partition("=")
    return name, value


def device_cgroup_rule(text: str) -> str:
    """Return a rule like `c 1:3 mr`."""
    parts = text.split(" ")
    numbers = parts[1].split(":") if len(parts) == 3 else []
    valid = (
        len(numbers) == 2
        and parts[0] in ("a", "c", "b")
        and all(number == "*" or (number.isascii() and number.isdigit()) for number in numbers)
        and 1 <= len(parts[2]) <= 3
        and set(parts[2]) <= set("rwm")
    )
    if not valid:
        raise ValueError(f"invalid device cgroup format '{text}'")
    return text


def _device_and_value(text: str) -> tuple[str, str]:
    path, colon, value = text.partition(":")
    if not colon or not path:
        raise ValueError(f"bad format: {text}")
    if not path.startswith("/dev/"):
        raise ValueError(f"bad format for device path: {text}")
    return path, value


def weight_device(text: str) -> dict[str, object]:
    """Return a device's weight, 0 or 10 to 1000."""
    path, value = _device_and_value(text)
    try:
        weight = read_int(value, 0, 65535, call="ParseUint", base=10)
    except ValueError:
        weight = 1
    if weight and not 10 <= weight <= 1000:
        raise ValueError(f"invalid weight for device: {text}")
    return {"Path": path, "Weight": weight}


def throttle_bps(text: str) -> dict[str, object]:
    """Return a device's rate in bytes per second."""
    from wharf.cli.output.units import ram_in_bytes

    path, value = _device_and_value(text)
    try:
        return {"Path": path, "Rate": ram_in_bytes(value)}
    except ValueError:
        raise ValueError(
            f"invalid rate for device: {text}. The correct format is <device-path>:<number>[<unit>]. "
            "Number must be a positive integer. Unit is optional and can be kb, mb, or gb"
        ) from None


def throttle_iops(text: str) -> dict[str, object]:
    """Return a device's rate in operations per second."""
    path, value = _device_and_value(text)
    try:
        return {"Path": path, "Rate": read_int(value, 0, (1 << 64) - 1, call="ParseUint", base=10)}
    except ValueError:
        raise ValueError(
            f"invalid rate for device: {text}. The correct format is <device-path>:<number>. "
            "Number must be a positive integer"
        ) from None


def ulimit(text: str) -> dict[str, object]:
    """Return a limit: `name=soft[:hard]`."""
    name, equals, limits = text.partition("=")
    if not equals:
        raise ValueError(f"invalid ulimit argument: {text}")
    if name not in _ULIMITS:
        raise ValueError(f"invalid ulimit type: {name}")
    values = limits.split(":")
    if len(values) > 2:
        raise ValueError(f"too many limit value arguments - {limits}, can only have up to two, `soft[:hard]`")
    hard = _limit(values[-1])
    soft = _limit(values[0])
    if hard != -1 and soft == -1:
        raise ValueError(
            f"ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: {hard}"
        )
    if hard != -1 and soft > hard:
        raise ValueError(f"ulimit soft limit must be less than or equal to hard limit: {soft} > {hard}")
    return {"Name": name, "Hard": hard, "Soft": soft}


def _limit(text: str) -> int:
    return read_int(text, -(1 << 63), (1 << 63) - 1, base=10)


def cpus(text: str) -> int:
    """Return billionths of a processor."""
    from fractions import Fraction

    try:
        nano = Fraction(text) * 1_000_000_000
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"failed to parse {text} as a rational number") from None
    if nano.denominator != 1:
        raise ValueError("value is too precise")
    return int(nano)
