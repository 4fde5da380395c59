"""The JSON document of a seccomp profile in Docker's format, as `--security-opt seccomp=FILE` sends it.

OCI's `linux.seccomp` with conditions on rules: capabilities, machines, the kernel's version. Keys this engine
does not know are ignored, as Docker does.
"""

import os
from collections.abc import Collection

import msgspec

from wharf.errors import Internal
from wharf.linux.seccomp import SyscallArg, SyscallRule


class Filter(msgspec.Struct, kw_only=True):
    """When a rule counts (`includes`), or does not (`excludes`)."""

    caps: list[str] | None = None
    arches: list[str] | None = None
    minKernel: str | None = None  # noqa: N815 - Docker's key


class Argument(msgspec.Struct, kw_only=True):
    """A condition, in OCI's keys."""

    index: int = 0
    value: int = 0
    valueTwo: int = 0  # noqa: N815 - OCI's key
    op: str = ""


class Rule(msgspec.Struct, kw_only=True):
    """A rule, in OCI's keys and Docker's additional ones."""

    name: str = ""
    names: list[str] | None = None
    action: str = ""
    errnoRet: int | None = None  # noqa: N815 - OCI's key
    args: list[Argument] | None = None
    includes: Filter | None = None
    excludes: Filter | None = None

    def applies(self, own_name: str, capabilities: Collection[str]) -> bool:
        """Say whether the rule counts for this machine and a process with `capabilities`."""
        if (no := self.excludes) and (
            own_name in (no.arches or ())
            or any(capability in capabilities for capability in no.caps or ())
            or (no.minKernel and _at_least(no.minKernel))
        ):
            return False
        return (yes := self.includes) is None or (
            (not yes.arches or own_name in yes.arches)
            and all(capability in capabilities for capability in yes.caps or ())
            and (not yes.minKernel or _at_least(yes.minKernel))
        )

    def oci(self) -> SyscallRule:
        """Return the rule in OCI's form."""
        if self.name and self.names:
            raise Internal(
                "both 'name' and 'names' are specified in the seccomp profile, use either 'name' or 'names'"
            )
        rule: SyscallRule = {"names": [self.name] if self.name else self.names or [], "action": self.action}
        if self.errnoRet is not None:
            rule["errnoRet"] = self.errnoRet
        if self.args:
            rule["args"] = list(_arguments(self.args))
        return rule


class Mapping(msgspec.Struct, kw_only=True):
    """A machine and the further interfaces it has."""

    architecture: str = ""
    subArchitectures: list[str] | None = None  # noqa: N815 - Docker's key


class ProfileDocument(msgspec.Struct, kw_only=True):
    """A profile in Docker's format."""

    defaultAction: str = ""  # noqa: N815 - OCI's key
    defaultErrnoRet: int | None = None  # noqa: N815 - OCI's key
    architectures: list[str] | None = None
    archMap: list[Mapping] | None = None  # noqa: N815 - Docker's key
    flags: list[str] | None = None
    listenerPath: str = ""  # noqa: N815 - OCI's key
    listenerMetadata: str = ""  # noqa: N815 - OCI's key
    syscalls: list[Rule] | None = None


def version(release: str) -> tuple[int, int]:
    """Return major and minor of a kernel's release, as `6.1.0-13-amd64`."""
    major, minor, *_ = (*release.split("."), "0")
    return int(major), int("".join(digit for digit in minor.partition("-")[0] if digit.isdigit()) or 0)


def _arguments(arguments: Iterable[Argument]) -> Iterator[SyscallArg]:
    for argument in arguments:
        condition: SyscallArg = {"index": argument.index, "value": argument.value, "op": argument.op}
        if argument.valueTwo:
            condition["valueTwo"] = argument.valueTwo
        yield condition


def _at_least(wanted: str) -> bool:
    """Say whether this kernel is `wanted` (`4.8`) or newer."""
    try:
        return version(os.uname().release) >= version(wanted)
    except ValueError:
        raise Internal(f"invalid minKernel in seccomp profile: {wanted!r}") from None
