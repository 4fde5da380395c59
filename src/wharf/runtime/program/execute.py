"""The command exec: another process in a running container."""

import json
import os
from typing import cast

from wharf.errors import Conflict, InvalidParameter
from wharf.runtime import Stdio, exec_process
from wharf.runtime.program import lifecycle, terminal
from wharf.runtime.program.flags import Flag, Parsed
from wharf.runtime.program.store import Box
from wharf.runtime.spec import Process

FLAGS = {
    "console-socket": Flag(),
    "pidfd-socket": Flag(),
    "cwd": Flag(),
    "env": Flag(short="e"),
    "tty": Flag(takes_value=False, short="t"),
    "user": Flag(short="u"),
    "additional-gids": Flag(short="g"),
    "process": Flag(short="p"),
    "detach": Flag(takes_value=False, short="d"),
    "pid-file": Flag(),
    "apparmor": Flag(),
    "no-new-privs": Flag(takes_value=False),
    "cap": Flag(short="c"),
    "ignore-paused": Flag(takes_value=False),
}
UNSUPPORTED = {"process-label": Flag(), "preserve-fds": Flag(), "cgroup": Flag()}


def command(root: str, parsed: Parsed) -> int:
    """Execute a process; without --detach wait for its end, and return its status."""
    if not parsed.arguments:
        raise InvalidParameter("container id cannot be empty")
    name, *arguments = parsed.arguments
    box = Box.load(root, name)
    status = box.status()
    if status == "stopped":
        raise Conflict("cannot exec in a stopped container")
    if status == "paused" and not parsed.has("ignore-paused"):
        raise Conflict("cannot exec in a paused container (use --ignore-paused to override)")
    process = _process(box, parsed, arguments)
    is_terminal = bool(process.get("terminal"))
    console_socket = parsed.last("console-socket")
    detach = parsed.has("detach")
    if is_terminal and detach and not console_socket:
        raise InvalidParameter("cannot allocate tty if runc will detach without setting console socket")
    pidfd = box.open_init()
    try:
        execed = exec_process(
            pidfd,
            box.record.spec,
            process,
            stdio=None if is_terminal else Stdio(0, 1, 2),
            cgroup=box.cgroup,
        )
    finally:
        os.close(pidfd)
    with execed:
        lifecycle.write_pid(parsed.last("pid-file"), execed.pid)
        if path := parsed.last("pidfd-socket"):
            terminal.send_descriptor(path, execed.pidfd, b"")
        if console_socket and execed.console is not None:
            terminal.send_descriptor(console_socket, execed.console, b"/dev/ptmx")
        elif execed.console is not None:
            with terminal.raw_mode():
                terminal.relay(execed.console, execed.pidfd)
        return 0 if detach else lifecycle.reap(execed.pidfd)


def _process(box: Box, parsed: Parsed, arguments: list[str]) -> Process:
    """Return the process object of --process, or that of the container as the other flags change it."""
    if path := parsed.last("process"):
        with open(path, encoding="utf-8") as file:
            return cast(Process, json.load(file))
    if not arguments:
        raise InvalidParameter("process args cannot be empty")
    process = cast(Process, json.loads(json.dumps(box.record.spec.get("process", {"cwd": "/"}))))
    process["args"] = arguments
    process["terminal"] = parsed.has("tty")
    process["cwd"] = parsed.last("cwd", process["cwd"])
    process["env"] = [*(process.get("env") or ()), *parsed.values.get("env", ())]
    if parsed.has("no-new-privs"):
        process["noNewPrivileges"] = True
    if profile := parsed.last("apparmor"):
        process["apparmorProfile"] = profile
    capabilities = process.setdefault("capabilities", {})
    for name in parsed.values.get("cap", ()):
        for names in (
            capabilities.setdefault("bounding", []),
            capabilities.setdefault("effective", []),
            capabilities.setdefault("permitted", []),
        ):
            names.append(name)
    _set_user(process, parsed)
    return process


def _set_user(process: Process, parsed: Parsed) -> None:
    user = process.setdefault("user", {})
    uid, colon, gid = parsed.last("user").partition(":")
    if uid:
        user["uid"] = _id(uid)
        user.pop("additionalGids", None)
    if colon:
        user["gid"] = _id(gid)
    for group in parsed.values.get("additional-gids", ()):
        user.setdefault("additionalGids", []).append(_id(group))


def _id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 1 << 31):
        raise InvalidParameter(f"parsing {text!r} as int for uid or gid failed")
    return int(text)
