"""The command line of `wharf-runtime`: runc's global flags, and a table of commands."""

import datetime as dt
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple, NoReturn

from wharf.errors import EngineError, InvalidParameter, NotImplementedByEngine
from wharf.runtime.program import execute, flags, lifecycle, show, template
from wharf.runtime.program.flags import Flag, Parsed
from wharf.runtime.spec import OCI_VERSION

DEFAULT_ROOT = "/run/wharf-runtime"
VERSION = "0.1.0"

_GLOBAL = {
    "debug": Flag(takes_value=False),
    "log": Flag(),
    "log-format": Flag(),
    "root": Flag(),
    "rootless": Flag(),
    "version": Flag(takes_value=False, short="v"),
}
_GLOBAL_UNSUPPORTED = {"systemd-cgroup": Flag(takes_value=False)}


class Command(NamedTuple):
    """One command: what does it, and its flags."""

    run: Callable[[str, Parsed], int]
    flags: Mapping[str, Flag]
    unsupported: Mapping[str, Flag]


_COMMANDS: dict[str, Command] = {
    "create": Command(lifecycle.create_command, lifecycle.MAKE_FLAGS, lifecycle.MAKE_UNSUPPORTED),
    "delete": Command(lifecycle.delete_command, lifecycle.DELETE_FLAGS, {}),
    "exec": Command(execute.command, execute.FLAGS, execute.UNSUPPORTED),
    "features": Command(show.features_command, {}, {}),
    "kill": Command(lifecycle.kill_command, lifecycle.KILL_FLAGS, {}),
    "list": Command(show.list_command, show.LIST_FLAGS, {}),
    "pause": Command(lifecycle.pause_command, {}, {}),
    "ps": Command(show.ps_command, show.PS_FLAGS, {}),
    "resume": Command(lifecycle.resume_command, {}, {}),
    "run": Command(lifecycle.run_command, lifecycle.RUN_FLAGS, lifecycle.RUN_UNSUPPORTED),
    "spec": Command(template.command, template.FLAGS, template.UNSUPPORTED),
    "start": Command(lifecycle.start_command, {}, {}),
    "state": Command(show.state_command, {}, {}),
}
_NOT_HERE = frozenset({"checkpoint", "events", "restore", "update"})


def main(words: Sequence[str]) -> int:
    """Do what the command line asks for, and return the exit status; 1 after an error, which is logged."""
    options = Parsed({}, [])
    try:
        options = flags.parse(words, _GLOBAL, _GLOBAL_UNSUPPORTED)
        if options.has("version"):
            sys.stdout.write(f"wharf-runtime version {VERSION}\nspec: {OCI_VERSION}\n")
            return 0
        if not options.arguments:
            sys.stdout.write(f"usage: wharf-runtime [--root DIR] {{{','.join(sorted(_COMMANDS))}}} ...\n")
            return 0
        name, *rest = options.arguments
        if name in _NOT_HERE:
            raise NotImplementedByEngine(f"the command {name!r} is not supported by this runtime")
        command = _COMMANDS.get(name)
        if command is None:
            raise InvalidParameter(f"No help topic for {name!r}")
        parsed = flags.parse(rest, command.flags, command.unsupported)
        return command.run(options.last("root", DEFAULT_ROOT), parsed)
    except EngineError as error:
        return _fail(options, str(error))
    except OSError as error:
        return _fail(options, f"{error.filename}: {error.strerror}" if error.filename else str(error))


def _fail(options: Parsed, text: str) -> int:
    """Log an error as runc does, in the format that engines read, and on standard error."""
    text = f"{_failed_command(options)}{text}"
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    line = f'time="{now}" level=error msg={json.dumps(text, ensure_ascii=False)}\n'
    if path := options.last("log"):
        logged = line
        if options.last("log-format") == "json":
            logged = json.dumps({"level": "error", "msg": text, "time": now}) + "\n"
        with suppress(OSError), open(path, "a", encoding="utf-8") as log:
            log.write(logged)
        line = f"{text}\n"
    sys.stderr.write(line)
    return 1


def _failed_command(options: Parsed) -> str:
    """Return what runc puts before an error of the commands that make processes."""
    name = options.arguments[0] if options.arguments else ""
    return {"create": "runc create failed: ", "run": "runc run failed: ", "exec": "exec failed: "}.get(
        name, ""
    )


def console() -> NoReturn:
    """Run as a program."""
    os.umask(0o022)
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    console()
