"""The JSON document of a seccomp profile in Docker's format, as `--security-opt seccomp=FILE` sends it.

OCI's `linux.seccomp` with conditions on rules: capabilities, machines, the kernel's version. Keys this engine
does not know are ignored, as Docker does.
"""

import os
from collections.abc import Collection

import msgspec

from wharf.errors import Internal
from wharf.linux.seccomp import SyscallArg, SyscallRule


class Filter(msgspec.Struct, kw_only=True, rename="camel"):
    """When a rule counts (`includes`), or does not (`excludes`)."""

    caps: list[str] | None = None
    arches: list[str] | None = None
    min_kernel: str | None = None


class Argument(msgspec.Struct, kw_only=True, rename="camel"):
    """A condition, in OCI's keys."""

    index: int = 0
    value: int = 0
    value_two: int = 0
    op: str = ""

    def oci(self) -> SyscallArg:
        """Return the condition in OCI's form."""
        condition: SyscallArg = {"index": self.index, "value": self.value, "op": self.op}
        if self.value_two:
            condition["valueTwo"] = self.value_two
        return condition


class Rule(msgspec.Struct, kw_only=True, rename="camel"):
    """A rule, in OCI's keys and Docker's additional ones."""

    name: str = ""
    names: list[str] | None = None
    action: str = ""
    errno_ret: int | None = None
    args: list[Argument] | None = None
    includes: Filter | None = None
    excludes: Filter | None = None

    def applies(self, own_name: str, capabilities: Collection[str]) -> bool:
        """Say whether the rule counts for this machine and a process with `capabilities`."""
        if (no := self.excludes) and (
            own_name in (no.arches or ())
            or any(capability in capabilities for capability in no.caps or ())
            or (no.min_kernel and _at_least(no.min_kernel))
        ):
            return False
        return (yes := self.includes) is None or (
            (not yes.arches or own_name in yes.arches)
            and all(capability in capabilities for capability in yes.caps or ())
            and (not yes.min_kernel or _at_least(yes.min_kernel))
        )

    def oci(self) -> SyscallRule:
        """Return the rule in OCI's form."""
        if self.name and self.names:
            raise Internal(
                "both 'name' and 'names' are specified in the seccomp profile, use either 'name' or 'names'"
            )
        rule: SyscallRule = {"names": [self.name] if self.name else self.names or [], "action": self.action}
        if self.errno_ret is not None:
            rule["errnoRet"] = self.errno_ret
        if self.args:
            rule["args"] = [argument.oci() for argument in self.args]
        return rule


class Mapping(msgspec.Struct, kw_only=True, rename="camel"):
    """A machine and the further interfaces it has."""

    architecture: str = ""
    sub_architectures: list[str] | None = None


class ProfileDocument(msgspec.Struct, kw_only=True, rename="camel"):
    """A profile in Docker's format."""

    default_action: str = ""
    default_errno_ret: int | None = None
    architectures: list[str] | None = None
    arch_map: list[Mapping] | None = None
    flags: list[str] | None = None
    listener_path: str = ""
    listener_metadata: str = ""
    syscalls: list[Rule] | None = None


def version(release: str) -> tuple[int, int]:
    """Return major and minor of a kernel's release, as `6.1.0-13-amd64`."""
    major, minor, *_ = (*release.split("."), "0")
    return int(major), int("".join(digit for digit in minor.partition("-")[0] if digit.isdigit()) or 0)


def _at_least(wanted: str) -> bool:
    """Say whether this kernel is `wanted` (`4.8`) or newer."""
    try:
        return version(os.uname().release) >= version(wanted)
    except ValueError:
        raise Internal(f"invalid minKernel in seccomp profile: {wanted!r}") from None
