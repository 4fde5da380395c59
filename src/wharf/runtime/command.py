"""The program of a process: its environment, its file, and the call of execve(2).

The look-up is that of Go's exec.LookPath, whose words Docker's users know.
"""

import errno
import os
import stat
from collections.abc import Sequence
from typing import NoReturn

from wharf.linux import access
from wharf.runtime.errors import Refused, cause


def environment(entries: Sequence[str], home: str) -> dict[str, str]:
    """Return the environment: of several values of a name the last counts, HOME is `home` when not given.

    Raises Refused for an entry that is not `NAME=value`.
    """
    result: dict[str, str] = {}
    for entry in entries:
        name, equals, value = entry.partition("=")
        if not equals or not name or "\0" in entry:
            raise Refused(f"invalid environment variable: {quoted(entry)}", "invoke")
        result.pop(name, None)
        result[name] = value
    if not result.get("HOME"):
        result.pop("HOME", None)
        result["HOME"] = home
    return result


def find(program: str, path: str) -> str:
    """Return the file of `program`, found in `path` (PATH) unless it contains a slash.

    Raises Refused of kind `invoke`, with the words behind Docker's exit codes 126 and 127.
    """
    if "/" in program:
        try:
            return _executable(program)
        except OSError as error:
            text = f"stat {program}: {cause(error)}" if error.filename else cause(error)
            if error.errno == errno.EISDIR:
                text += ": permission denied"  # what dockerd 28 makes of runc's words
            raise Refused(f"exec: {quoted(program)}: {text}", "invoke") from error
    for directory in path.split(":") if program and path else ():
        candidate = os.path.join(directory or ".", program)
        try:
            found = _executable(candidate)
        except OSError:
            continue
        if not found.startswith("/"):
            raise Refused(
                f"exec: {quoted(program)}: cannot run executable found relative to current directory",
                "invoke",
            )
        return found
    raise Refused(f"exec: {quoted(program)}: executable file not found in $PATH", "invoke")


def _executable(path: str) -> str:
    """Return `path` when this process may execute it; an OSError with a filename comes from stat(2)."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        error.filename = path
        raise
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, "")
    try:
        access.require_executable(path)
    except OSError as error:
        # A seccomp filter may forbid the question, or the kernel not know it: then the mode answers.
        if error.errno not in (errno.EPERM, errno.ENOSYS) or not mode & 0o111:
            raise OSError(errno.EACCES if error.errno == errno.EPERM else error.errno, "") from error
    return path


def quoted(text: str) -> str:
    """Return `text` in double quotes, as Go's %q does for what people type."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else _escape(c) for c in escaped) + '"'


def _escape(char: str) -> str:
    named = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return named.get(char) or (f"\\x{ord(char):02x}" if ord(char) < 0x100 else f"\\u{ord(char):04x}")


def execute(path: str, arguments: list[str], env: dict[str, str]) -> NoReturn:
    """Execute the program; a failure is told on the container's standard error, and ends this process.

    Docker does the same: the container has started by then, and ends with 255.
    """
    try:
        os.execve(path, arguments, env)  # noqa: S606 - the point of a runtime
    except OSError as error:
        os.write(2, os.fsencode(f"exec {path}: {cause(error)}\n"))
    finally:
        os._exit(255)
