"""What wharfd and a shim say to each other (ARCHITECTURE.md, "wharfd ↔ shim"), and the files between them.

Messages are checked by hand here, since a shim has nothing but the standard library: what is ill-typed raises
ProtocolError, and its sender is cut off.
"""

import json
from typing import Literal, NamedTuple, NotRequired, TypedDict, TypeVar, cast

from wharf import errors
from wharf.linux.seqpacket import ProtocolError
from wharf.runtime.spec import Process, RootMount, Spec
from wharf.shim.log.syslog import SyslogTarget

T = TypeVar("T")

Status = Literal["created", "running", "paused", "restarting", "stopped"]


class LogConfig(TypedDict):
    """Where the output goes: `max_size` in bytes, 0 for no limit; `max_file` counts the live file too.

    `path` is the file that is read: json-file's, or the `local` file of all others, also of those that send
    the log away (then "" for no copy). `attrs` is a JSON object. `buffer` is 0 for a log that may hold the
    container up, else the bytes that wait in its place. `journald` are the fields of every entry.
    """

    driver: Literal["json-file", "local", "syslog", "journald", "none"]
    path: str
    max_size: int
    max_file: int
    compress: NotRequired[bool]
    attrs: NotRequired[str]
    buffer: NotRequired[int]
    syslog: NotRequired[SyslogTarget]
    journald: NotRequired[dict[str, str]]


_LOG_DRIVERS = {"json-file", "local", "syslog", "journald", "none"}


class RestartRules(TypedDict):
    """The restart policy, in Docker's words; `maximum` is 0 for no limit.

    `count` is how often the container was started again before this shim was there.
    """

    name: str
    maximum: int
    count: int


class HealthRules(TypedDict):
    """How the container is probed; times in nanoseconds, and the timeout also as a text for people."""

    interval: int
    timeout: int
    timeout_text: str
    start_period: int
    start_interval: int
    retries: int


class ShimConfig(TypedDict):
    """`shim.json`: what the engine tells a shim beside the OCI spec. `console_size` is [height, width].

    `probe` is the process that checks the container's health, by the rules in `health`.
    """

    id: str
    root: list[RootMount]
    tty: bool
    open_stdin: bool
    stdin_once: bool
    log: LogConfig
    console_size: NotRequired[tuple[int, int] | None]
    restart: NotRequired[RestartRules]
    health: NotRequired[HealthRules | None]
    probe: NotRequired[Process]


class ExitRecord(TypedDict):
    """`exit.json`, and the fields of the `exit` event. Times are nanoseconds of the wall clock.

    `status` is 0..255, 128+n for signal n. `error` says why a container could not be started, or not again.
    `restarting`: the shim starts it again; `restarts` says how often it has done, or will have by then.
    """

    status: int
    oom_killed: bool
    started_at: int | None
    exited_at: int
    error: str | None
    restarting: bool
    restarts: int


class ExecState(TypedDict):
    """One exec'd process in the answer to `state`."""

    pid: int
    running: bool
    status: int | None


class ContainerState(TypedDict):
    """The answer to `state`. `ended` is how the last run ended that was followed by another start."""

    status: Status
    pid: int
    started_at: int | None
    execs: dict[str, ExecState]
    restarts: int
    oom_killed: bool
    ended: ExitRecord | None


class ErrorDescription(TypedDict):
    """The `error` of an answer: `kind` is a class of `errors.py`."""

    kind: str
    message: str
    errno: int | None


class Attach(NamedTuple):
    """How a client takes part: the streams it wants, and the keys that let it go."""

    stdin: bool
    stdout: bool
    stderr: bool
    detach_keys: bytes
    framed: bool
    early: bytes = b""
    """What the client typed before its connection was handed over."""

    @classmethod
    def parse(cls, message: dict[str, object]) -> "Attach":
        """Return the client of an `attach` or `exec` request."""
        keys = field(message, "detach_keys", list)
        if not all(type(key) is int and 0 <= key <= 0xFF for key in keys):
            raise ProtocolError("ill-typed field detach_keys")
        return cls(
            field(message, "stdin", bool),
            field(message, "stdout", bool),
            field(message, "stderr", bool),
            bytes(keys),
            field(message, "framed", bool),
        )


class Execution(NamedTuple):
    """A process to execute: its id, the OCI process object, and its client's wishes."""

    name: str
    process: Process
    wants: Attach

    @classmethod
    def parse(cls, message: dict[str, object]) -> "Execution":
        """Return what an `exec` request asks for; the runtime judges what is in the process object."""
        process = cast(Process, field(message, "process", dict))
        return cls(field(message, "exec", str), process, Attach.parse(message))


def field(message: dict[str, object], name: str, kind: type[T]) -> T:
    """Return the field `name`, which must be there and of `kind` (a bool is no int)."""
    value = message.get(name)
    if type(value) is not kind:
        raise ProtocolError(f"ill-typed field {name}")
    return value


def optional_text(message: dict[str, object], name: str) -> str | None:
    """Return the field `name`, a text or null or absent."""
    return None if message.get(name) is None else field(message, name, str)


def describe(error: errors.EngineError | OSError) -> ErrorDescription:
    """Return what an answer says of `error`: the nearest kind of `errors.py`, and the errno that caused it.

    An OSError that nobody turned into a kind is Internal.
    """
    cause = error if isinstance(error, OSError) else error.__cause__
    kinds = (kind.__name__ for kind in type(error).__mro__ if kind.__module__ == errors.__name__)
    return {
        "kind": next(kinds, errors.Internal.__name__),
        "message": str(error),
        "errno": cause.errno if isinstance(cause, OSError) else None,
    }


def read_bundle(bundle: str) -> tuple[ShimConfig, Spec]:
    """Return `shim.json` and `config.json`; raises InvalidParameter when they are not what a shim needs."""
    config = _read(f"{bundle}/shim.json")
    spec = _read(f"{bundle}/config.json")
    try:
        for name in ("tty", "open_stdin", "stdin_once"):
            field(config, name, bool)
        field(config, "id", str)
        field(config, "root", list)
        log = field(config, "log", dict)
        if log.get("driver") not in _LOG_DRIVERS:
            raise ProtocolError("unknown log driver")
        if log["driver"] != "none":
            field(log, "path", str)
            field(log, "max_size", int)
            field(log, "max_file", int)
    except ProtocolError as error:
        raise errors.InvalidParameter(f"{bundle}/shim.json: {error.strerror}") from error
    return cast(ShimConfig, config), cast(Spec, spec)


def _read(path: str) -> dict[str, object]:
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError) as error:
        raise errors.InvalidParameter(f"{path}: {error}") from error
    if not isinstance(value, dict):
        raise errors.InvalidParameter(f"{path}: not an object")
    return value
