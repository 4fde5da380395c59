"""What ends a command early, and the only table of exit codes.

1 for most; 125 for wrong flags, and where `run` could not run the container at all; 126 and 127 where the
container's program cannot be invoked or is not there; 64 for a format that is no template; else the
container's own status, which is 128 + n after signal n.
"""

from __future__ import annotations


class CliError(Exception):
    """Ends the command; `str(error)` is printed as it is, an empty one is not printed."""


class WrongFlags(CliError):
    """The flags cannot be understood."""


class WrongFormat(CliError):
    """`--format` is no template."""


class CannotRun(CliError):
    """The engine could not create or start the container."""


class CannotInvoke(CannotRun):
    """The container's program is there and cannot be executed."""


class ProgramMissing(CannotRun):
    """The container's program is not there."""


class Ended(CliError):
    """The process that was run ended with `status`: that is the command's own end."""

    def __init__(self, status: int) -> None:
        super().__init__("")
        self.status = status


class Interrupted(CliError):
    """A signal asked this command to end."""

    def __init__(self, signal_number: int) -> None:
        super().__init__("")
        self.signal_number = signal_number


EXIT: dict[type[Exception], int] = {
    WrongFlags: 125,
    WrongFormat: 64,
    CannotInvoke: 126,
    ProgramMissing: 127,
    CannotRun: 125,
    Exception: 1,
}


def exit_code_of(error: Exception) -> int:
    """Return the exit code that `error` ends the command with."""
    if isinstance(error, Ended):
        return error.status & 255
    if isinstance(error, Interrupted):
        return 128 + error.signal_number
    for kind in type(error).__mro__:
        if kind in EXIT:
            return EXIT[kind]
    return EXIT[Exception]


_MISSING = ("executable file not found", "no such file or directory", "system cannot find the file specified")
_NOT_EXECUTABLE = ("permission denied", "is a directory")


def run_failure(program: str, command: str, message: str, *, with_help: bool = True) -> CannotRun:
    """Return the error for a container that could not be run, of the kind that the engine's words tell."""
    told = message.removeprefix("Error response from daemon: ")
    kind = CannotRun
    if any(words in told for words in _MISSING):
        kind = ProgramMissing
    elif any(words in told for words in _NOT_EXECUTABLE):
        kind = CannotInvoke
    advice = f"\n\nRun '{program} {command} --help' for more information" if with_help else ""
    return kind(f"{program}: {message}{advice}")
