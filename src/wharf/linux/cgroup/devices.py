"""Device rules of a cgroup: the OCI list, in its order, brought to one default and its exceptions.

That is the form both kernels understand: v1's devices.allow and devices.deny, and v2's BPF program. Rules
which cannot be brought to it (taking away one device of an allowed range) are refused, as runc does.
"""

import errno
import os
from collections.abc import Iterable
from typing import NamedTuple

from wharf.linux.cgroup.resources import DeviceRule

ANY = -1
"""All major or all minor numbers."""


class Device(NamedTuple):
    """A device, or a range of them: type `b` or `c`, numbers or ANY."""

    type: str
    major: int
    minor: int

    def covers(self, other: "Device") -> bool:
        """Say whether every device of `other` is one of these."""
        return (
            self.type == other.type and self.major in (ANY, other.major) and self.minor in (ANY, other.minor)
        )

    def __str__(self) -> str:
        major, minor = ("*" if number == ANY else number for number in (self.major, self.minor))
        return f"{self.type} {major}:{minor}"


class DeviceList(NamedTuple):
    """Everything is allowed (or denied), except `exceptions`: device to access, letters of `rwm` in order."""

    allowed: bool
    exceptions: dict[Device, str]


RUNTIME_RULES: tuple[DeviceRule, ...] = (
    {"allow": True, "type": "c", "major": ANY, "minor": ANY, "access": "m"},
    {"allow": True, "type": "b", "major": ANY, "minor": ANY, "access": "m"},
    {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rwm"},  # null
    {"allow": True, "type": "c", "major": 1, "minor": 8, "access": "rwm"},  # random
    {"allow": True, "type": "c", "major": 1, "minor": 7, "access": "rwm"},  # full
    {"allow": True, "type": "c", "major": 5, "minor": 0, "access": "rwm"},  # tty
    {"allow": True, "type": "c", "major": 1, "minor": 5, "access": "rwm"},  # zero
    {"allow": True, "type": "c", "major": 1, "minor": 9, "access": "rwm"},  # urandom
    {"allow": True, "type": "c", "major": 136, "minor": ANY, "access": "rwm"},  # pts/*
    {"allow": True, "type": "c", "major": 5, "minor": 2, "access": "rwm"},  # ptmx
    {"allow": True, "type": "c", "major": 10, "minor": 200, "access": "rwm"},  # net/tun
)
"""What runc adds after the rules of every container: making nodes, and the devices of a container's /dev."""


def device_list(rules: Iterable[DeviceRule]) -> DeviceList:
    """Return what `rules` mean, each overriding those before it; no rules deny everything.

    Raises OSError (EINVAL) for a rule that is malformed, or takes one device out of an allowed range.
    """
    allowed = False
    exceptions: dict[Device, str] = {}
    for rule in rules:
        kind = rule.get("type") or "a"
        access = _ordered(rule.get("access") or "rwm")
        allow = rule.get("allow", False)
        if kind == "a":
            if access != "rwm" or _number(rule.get("major")) != ANY or _number(rule.get("minor")) != ANY:
                raise _refusal(rule)
            allowed, exceptions = allow, {}
            continue
        if kind not in ("b", "c", "u"):
            raise _refusal(rule)
        device = Device("c" if kind == "u" else kind, _number(rule.get("major")), _number(rule.get("minor")))
        if allow != allowed:
            exceptions[device] = _ordered(exceptions.get(device, "") + access)
            continue
        left = [letter for letter in exceptions.pop(device, "") if letter not in access]
        if left:
            exceptions[device] = "".join(left)
        if any(wider.covers(device) and set(has) & set(access) for wider, has in exceptions.items()):
            raise _refusal(rule)
    return DeviceList(allowed, exceptions)


def _number(number: int | None) -> int:
    return ANY if number is None or number < 0 else number


def _ordered(access: str) -> str:
    """Return the letters of `access` once each, in the order r, w, m."""
    if set(access) - set("rwm"):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), f"device access {access!r}")
    return "".join(letter for letter in "rwm" if letter in access)


def _refusal(rule: DeviceRule) -> OSError:
    return OSError(errno.EINVAL, os.strerror(errno.EINVAL), f"device rule {dict(rule)!r}")
