"""The commands that only tell: state, list, ps, features."""

import json
import os
import pwd
import sys

from wharf.errors import InvalidParameter
from wharf.linux.capability import names_of
from wharf.linux.cgroup import mode
from wharf.runtime.namespaces import FLAGS as NAMESPACES
from wharf.runtime.program import store
from wharf.runtime.program.flags import Flag, Parsed
from wharf.runtime.program.lifecycle import one_argument
from wharf.runtime.program.store import Box
from wharf.runtime.spec import OCI_VERSION

LIST_FLAGS = {"format": Flag(short="f"), "quiet": Flag(takes_value=False, short="q")}
PS_FLAGS = {"format": Flag(short="f")}
_NOT_YET = {"user", "time"}


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def state_command(root: str, parsed: Parsed) -> int:
    """Print the state of a container, as OCI's runtime.md has it and a little more."""
    _say(json.dumps(_state(Box.load(root, one_argument(parsed))), indent=2))
    return 0


def _state(box: Box) -> dict[str, object]:
    record = box.record
    status = box.status()
    state: dict[str, object] = {
        "ociVersion": record.spec["ociVersion"],
        "id": record.id,
        "pid": 0 if status == "stopped" else record.pid,
        "status": status,
        "bundle": record.bundle,
        "rootfs": os.path.join(record.bundle, record.spec.get("root", {"path": ""})["path"]),
        "created": record.created,
    }
    if annotations := record.spec.get("annotations"):
        state["annotations"] = annotations
    state["owner"] = pwd.getpwuid(os.stat(box.folder).st_uid).pw_name
    return state


def list_command(root: str, parsed: Parsed) -> int:
    """Print the containers of this --root, as a table, JSON, or names only."""
    boxes = [Box.load(root, name) for name in store.names(root)]
    if parsed.has("quiet"):
        for box in boxes:
            _say(box.record.id)
        return 0
    states = [_state(box) for box in boxes]
    if _format(parsed) == "json":
        _say(json.dumps(states or None, separators=(",", ":")))
        return 0
    rows = [["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]]
    rows += [
        [str(state[key]) for key in ("id", "pid", "status", "bundle", "created", "owner")] for state in states
    ]
    widths = [max(12, *(len(row[column]) + 4 for row in rows)) for column in range(6)]
    for row in rows:
        _say("".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def _format(parsed: Parsed) -> str:
    chosen = parsed.last("format", "table")
    if chosen not in ("table", "json"):
        raise InvalidParameter(f"invalid format option {chosen!r}")
    return chosen


def ps_command(root: str, parsed: Parsed) -> int:
    """Print the processes of a container: their pids as JSON, or ps(1)'s lines about them."""
    if not parsed.arguments:
        raise InvalidParameter("exactly 1 argument is required, 0 given")
    name, *options = parsed.arguments
    pids = Box.load(root, name).cgroup.processes()
    if _format(parsed) == "json":
        _say(json.dumps(pids, separators=(",", ":")))
        return 0
    lines = _run_ps(options or ["-ef"]).splitlines()
    titles = lines[0].split()
    if "PID" not in titles:
        raise InvalidParameter("couldn't find PID field in ps output")
    column = titles.index("PID")
    _say(lines[0])
    for line in lines[1:]:
        if int(line.split()[column]) in pids:
            _say(line)
    return 0


def _run_ps(options: list[str]) -> str:
    """Return what ps(1) prints; the only program of the host that is ever executed, and only here."""
    reads, writes = os.pipe2(os.O_CLOEXEC)
    child = os.posix_spawnp(
        "ps", ["ps", *options], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, writes, 1)]
    )
    os.close(writes)
    with open(reads, encoding="utf-8", errors="replace") as output:
        text = output.read()
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0 or not text:
        raise InvalidParameter("ps failed")
    return text


def features_command(_root: str, _parsed: Parsed) -> int:
    """Print what this runtime can do, as OCI's features.md has it."""
    features = {
        "ociVersionMin": "1.0.0",
        "ociVersionMax": OCI_VERSION,
        "hooks": [],
        "linux": {
            "namespaces": sorted(set(NAMESPACES) - _NOT_YET),
            "capabilities": names_of(-1 & (1 << 41) - 1),
            "cgroup": {"v1": True, "v2": True, "systemd": False, "systemdUser": False, "rdma": True},
            "seccomp": {"enabled": True},
            "apparmor": {"enabled": os.path.isdir("/sys/kernel/security/apparmor")},
            "selinux": {"enabled": False},
            "intelRdt": {"enabled": False},
            "mountExtensions": {"idmap": {"enabled": False}},
        },
        "annotations": {"org.wharf.cgroup.mode": mode()},
    }
    _say(json.dumps(features, indent=4))
    return 0
