"""Seccomp profiles of containers: Docker's default one, and the files of `--security-opt seccomp=FILE`.

Both come out in OCI's form, chosen for the container's capabilities and this kernel. The default is Docker's,
and then tighter where no program notices (`_tightened`); a user's own profile is taken as it is.
"""

import os
from collections.abc import Collection

import msgspec

from wharf.engine.containers import seccomp_table
from wharf.engine.containers.seccomp_document import ProfileDocument, version
from wharf.errors import Internal
from wharf.linux.seccomp import LinuxSeccomp, SyscallArg, SyscallRule

_EPERM = 1
_AF_ALG, _AF_NFC, _AF_VSOCK = 38, 39, seccomp_table.AF_VSOCK


def _socket_rule(op: str, family: int) -> SyscallRule:
    condition: SyscallArg = {"index": 0, "value": family, "op": f"SCMP_CMP_{op}"}
    return {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [condition]}


_SOCKET_RULES = (_socket_rule("LT", _AF_ALG), _socket_rule("EQ", _AF_NFC), _socket_rule("GT", _AF_VSOCK))
"""Every family but AF_ALG and AF_VSOCK; ranges, since two conditions on one argument are alternatives."""


def default_profile(capabilities: Collection[str]) -> LinuxSeccomp:
    """Return the default profile for a process with `capabilities` (names of the bounding set)."""
    return _tightened(docker_profile(capabilities))


def docker_profile(
    capabilities: Collection[str], *, machine: str | None = None, release: str | None = None
) -> LinuxSeccomp:
    """Return Docker's default profile without our additions.

    `machine` and `release` are as in uname(2), by default this kernel's. Raises KeyError for a machine that
    the engine does not run on.
    """
    own_name, architectures = seccomp_table.ARCHITECTURES[machine or os.uname().machine]
    kernel = version(release or os.uname().release)
    rules: list[SyscallRule] = [{"names": seccomp_table.ALWAYS.split(), "action": "SCMP_ACT_ALLOW"}]
    for entry in seccomp_table.CONDITIONAL:
        applies = (
            (not entry.machines or own_name in entry.machines)
            and own_name not in entry.not_machines
            and (entry.capability is None or entry.capability in capabilities)
            and (entry.without is None or entry.without not in capabilities)
            and (entry.kernel is None or kernel >= entry.kernel)
        )
        if not applies:
            continue
        rule: SyscallRule = {"names": entry.names.split(), "action": "SCMP_ACT_ALLOW"}
        if entry.arguments:
            rule["args"] = list(entry.arguments)
        if entry.error is not None:
            rule["action"] = "SCMP_ACT_ERRNO"
            rule["errnoRet"] = entry.error
        rules.append(rule)
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": _EPERM,
        "architectures": list(architectures),
        "syscalls": rules,
    }


def profile_from_docker_json(text: str | bytes, capabilities: Collection[str]) -> LinuxSeccomp | None:
    """Return the profile that `text`, in Docker's format, gives a process with `capabilities`.

    None for a document without default action and calls, which means no seccomp (as `{}`). Raises Internal
    with Docker's words for a document it would not take.
    """
    try:
        document = msgspec.json.decode(text, type=ProfileDocument)
    except msgspec.DecodeError as error:
        raise Internal(f"Decoding seccomp profile failed: {error}") from error
    if not document.default_action and not document.syscalls:
        return None
    if document.architectures and document.arch_map:
        raise Internal(
            "both 'architectures' and 'archMap' are specified in the seccomp profile,"
            " use either 'architectures' or 'archMap'"
        )
    own_name, (own_architecture, *_) = seccomp_table.ARCHITECTURES[os.uname().machine]
    profile: LinuxSeccomp = {
        "defaultAction": document.default_action,
        "architectures": list(document.architectures or ()),
        "syscalls": [rule.oci() for rule in document.syscalls or () if rule.applies(own_name, capabilities)],
    }
    for mapped in document.arch_map or ():
        if mapped.architecture == own_architecture:
            profile["architectures"] = [own_architecture, *(mapped.sub_architectures or ())]
            break
    if document.default_errno_ret is not None:
        profile["defaultErrnoRet"] = document.default_errno_ret
    if document.flags is not None:
        profile["flags"] = document.flags
    if document.listener_path:
        profile["listenerPath"] = document.listener_path
    if document.listener_metadata:
        profile["listenerMetadata"] = document.listener_metadata
    return profile


def _tightened(profile: LinuxSeccomp) -> LinuxSeccomp:
    """Return Docker's default profile with our additions, which it does not have.

    - AF_ALG sockets are refused as AF_VSOCK ones are: the kernel's crypto interface has a history of holes
      (CVE-2026-31431), and programs that use it have a way without.
    - x32 is not among the architectures, so that its calls answer EPERM: a second way into every call, which
      nothing uses any more.
    """
    rules: list[SyscallRule] = []
    for rule in profile.get("syscalls", []):
        if rule["names"] == ["socket"]:
            rules += _SOCKET_RULES
        else:
            rules.append(rule)
    architectures = [name for name in profile.get("architectures", []) if name != "SCMP_ARCH_X32"]
    return {**profile, "architectures": architectures, "syscalls": rules}
