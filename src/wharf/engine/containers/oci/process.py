"""The process part of the OCI configuration: arguments, environment, identity, capabilities, limits."""

import os
from collections.abc import Iterable, Sequence

from wharf.engine.containers.oci import defaults, security
from wharf.errors import Internal, InvalidParameter
from wharf.linux import rlimit
from wharf.linux.capability import NUMBERS as KNOWN
from wharf.runtime.spec import Capabilities, Process, Rlimit, User
from wharf.schema.container import ContainerConfig
from wharf.schema.host_config import HostConfig

ALL = "ALL"
_APPARMOR = "/sys/module/apparmor/parameters/enabled"
_UINT64 = 2**64


def merge_env(*layers: Iterable[str]) -> list[str]:
    """Lay lists of `NAME=value` over each other: a later one replaces in place, or is added at the end."""
    merged: dict[str, str] = {}
    for layer in layers:
        for entry in layer:
            name, _, _ = entry.partition("=")
            merged[name] = entry
    return list(merged.values())


def environment(
    config: ContainerConfig, hostname: str, image_env: Sequence[str] = (), *, linked: Sequence[str] = ()
) -> list[str]:
    """Return the process's environment in Docker's order; HOME is the runtime's to add.

    `linked` tells of containers that it links to.
    """
    given = merge_env(image_env, config.env or ())
    first = [f"PATH={defaults.PATH}", f"HOSTNAME={hostname}"]
    if config.tty:
        first.append("TERM=xterm")
    kept = [entry for entry in given if "=" in entry]  # a bare name takes a variable away
    removed = {entry for entry in given if "=" not in entry}
    return [entry for entry in merge_env(first, linked, kept) if entry.partition("=")[0] not in removed]


def _capability(name: str, option: str) -> str:
    upper = name.upper()
    full = upper if upper == ALL or upper.startswith("CAP_") else f"CAP_{upper}"
    if full != ALL and full not in KNOWN:
        raise InvalidParameter(f'invalid {option}: unknown capability: "{full}"')
    return full


def capability_names(host: HostConfig, *, available: Sequence[str]) -> list[str]:
    """Return what `--cap-add`, `--cap-drop` and `--privileged` come to; `available` is what we may give."""
    adds = [_capability(name, "CapAdd") for name in host.cap_add or ()]
    drops = [_capability(name, "CapDrop") for name in host.cap_drop or ()]
    if host.privileged:
        return list(available)
    if ALL in adds:
        return [name for name in available if name not in drops]
    start = [] if ALL in drops else [name for name in defaults.CAPABILITIES if name not in drops]
    return start + [name for name in adds if name not in start]


def capability_sets(names: Sequence[str]) -> Capabilities:
    """Return the sets of a container's process: inheritable and ambient stay empty (CVE-2022-24769)."""
    listed = list(names)
    return {"bounding": listed, "effective": listed, "permitted": listed, "inheritable": [], "ambient": []}


def user(text: str, group_add: Sequence[str] | None) -> User:
    """Return the identity for Docker's `user[:group]`; names are looked up by the init, in the container."""
    identity: User = {"username": text}
    if group_add:
        identity["groupAdd"] = list(group_add)
    return identity


def rlimits(host: HostConfig) -> list[Rlimit]:
    """Return the limits of `--ulimit`; a negative one is Go's uint64 of it, and -1 so no limit."""
    for limit in host.ulimits or ():
        if f"RLIMIT_{limit.name.upper()}" not in rlimit.NUMBERS:
            raise Internal(
                "failed to create task for container: failed to create shim task: OCI runtime create failed: "
                f"runc create failed: wrong rlimit value: RLIMIT_{limit.name.upper()}"
            )
    return [
        {
            "type": f"RLIMIT_{limit.name.upper()}",
            "soft": limit.soft % _UINT64,
            "hard": limit.hard % _UINT64,
        }
        for limit in host.ulimits or ()
    ]


def process(
    config: ContainerConfig,
    host: HostConfig,
    *,
    args: Sequence[str],
    env: list[str],
    capabilities: Sequence[str],
) -> Process:
    """Return the container's process."""
    asked = security.read(host)
    made: Process = {
        "terminal": config.tty,
        "user": user(config.user, host.group_add),
        "args": list(args),
        "env": env,
        "cwd": config.working_dir or "/",
        "capabilities": capability_sets(capabilities),
        "oomScoreAdj": host.oom_score_adj,
        "noNewPrivileges": asked.no_new_privileges,
    }
    if limits := rlimits(host):
        made["rlimits"] = limits
    if asked.apparmor and asked.apparmor != security.UNCONFINED and os.path.exists(_APPARMOR):
        made["apparmorProfile"] = asked.apparmor
    return made
