"""What may go wrong while a container or a process in it is made, in the words users know.

A message is what stands after `OCI runtime create failed: runc create failed: ` (or `OCI runtime exec failed:
exec failed: `), which the engine puts before it; only AccountUnknown is shown as it is.
"""

import os

from wharf import errors


class Refused(Exception):
    """A step could not be done; the text becomes part of the user's message. `kind` is a key of the KINDS."""

    def __init__(self, text: str, kind: str = "internal") -> None:
        super().__init__(text)
        self.kind = kind


class CreateFailed(errors.EngineError):
    """The container could not be made; everything is undone."""


class CannotCreate(CreateFailed, errors.Internal):
    """The system refused a step."""


class CannotInvoke(CreateFailed, errors.InvalidParameter):
    """The spec asks for what cannot be: a program that is not there, or cannot be executed, among others."""


class AccountUnknown(CreateFailed, errors.InvalidParameter):
    """The user or group asked for is not in the container's account files, or no number of one."""


class ExecFailed(errors.EngineError):
    """The process could not be started in the container."""


class CannotExec(ExecFailed, errors.Internal):
    """The system refused a step."""


class CannotInvokeExec(ExecFailed, errors.InvalidParameter):
    """The program is not there, or cannot be executed."""


class ExecAccountUnknown(ExecFailed, errors.InvalidParameter):
    """As AccountUnknown, for a process in a running container."""


CREATE_KINDS: dict[str, type[CreateFailed]] = {
    "internal": CannotCreate,
    "invoke": CannotInvoke,
    "account": AccountUnknown,
}
EXEC_KINDS: dict[str, type[ExecFailed]] = {
    "internal": CannotExec,
    "invoke": CannotInvokeExec,
    "account": ExecAccountUnknown,
}


def cause(error: OSError) -> str:
    """Return the text of an errno as Go prints it: all in small letters."""
    if error.errno is None:
        return str(error)
    return os.strerror(error.errno).lower()


def text_of(error: OSError) -> str:
    """Return an OSError in the form of Go's PathError where it names a file: `open /x: permission denied`."""
    path = error.filename
    return f"{path}: {cause(error)}" if isinstance(path, str) else cause(error)


def describe_bug(error: BaseException) -> str:
    """Return what an unexpected error is and where it was raised, without reading any source file.

    Inside a container a file name of the host's means something else, and traceback's functions would open
    it.
    """
    places = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{os.path.basename(code.co_filename)}:{trace.tb_lineno} in {code.co_name}")
        trace = trace.tb_next
    return f"{type(error).__name__}: {error} ({' < '.join(reversed(places))})"
