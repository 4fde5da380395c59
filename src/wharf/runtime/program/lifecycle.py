"""The commands that change a container: create, start, run, kill, delete, pause, resume."""

import datetime as dt
import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import cast

from wharf.errors import Conflict, Internal, InvalidParameter, NotFound
from wharf.runtime import Init, Stdio, create
from wharf.runtime.errors import cause
from wharf.runtime.message import Channel, Failed, Start, Started
from wharf.runtime.program import store, terminal
from wharf.runtime.program.flags import Flag, Parsed
from wharf.runtime.program.store import Box, Record
from wharf.runtime.spec import Spec

MAKE_FLAGS = {
    "bundle": Flag(short="b"),
    "console-socket": Flag(),
    "pidfd-socket": Flag(),
    "pid-file": Flag(),
}
RUN_FLAGS = {**MAKE_FLAGS, "detach": Flag(takes_value=False, short="d"), "keep": Flag(takes_value=False)}
MAKE_UNSUPPORTED = {
    "no-pivot": Flag(takes_value=False),
    "no-new-keyring": Flag(takes_value=False),
    "preserve-fds": Flag(),
}
RUN_UNSUPPORTED = {**MAKE_UNSUPPORTED, "no-subreaper": Flag(takes_value=False)}
DELETE_FLAGS = {"force": Flag(takes_value=False, short="f")}
KILL_FLAGS = {"all": Flag(takes_value=False, short="a")}

_FORWARDED = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


def one_argument(parsed: Parsed) -> str:
    """Return the container's name, the only argument; raises InvalidParameter."""
    if len(parsed.arguments) != 1:
        raise InvalidParameter(f"exactly 1 argument is required, {len(parsed.arguments)} given")
    return parsed.arguments[0]


def create_command(root: str, parsed: Parsed) -> int:
    """Make a container that waits for `start`."""
    with _made(root, parsed, waits=True):
        return 0


def run_command(root: str, parsed: Parsed) -> int:
    """Make and start a container; without --detach wait for its end, and return its status."""
    detach = parsed.has("detach")
    with _made(root, parsed, waits=False) as (box, init):
        try:
            if not detach:
                _forward_signals(init)
            init.start()
            if detach:
                return 0
            status = _attend(init)
        except BaseException:
            init.abandon()
            box.remove()
            raise
        if not parsed.has("keep"):
            _remove(box)
        return status


@contextmanager
def _made(root: str, parsed: Parsed, *, waits: bool) -> Iterator[tuple[Box, Init]]:
    name = one_argument(parsed)
    bundle = os.path.abspath(parsed.last("bundle", os.getcwd()))
    spec = load_spec(bundle)
    process = spec.get("process")
    is_terminal = bool(process and process.get("terminal"))
    sends_console = bool(parsed.last("console-socket"))
    if is_terminal and (waits or parsed.has("detach")) and not sends_console:
        raise InvalidParameter("cannot allocate tty if runc will detach without setting console socket")
    if sends_console and not is_terminal:
        raise InvalidParameter("cannot use console socket if runc will not detach or allocate tty")
    linux = spec.setdefault("linux", {})
    linux["cgroupsPath"] = linux.get("cgroupsPath") or f"/{name}"
    with ExitStack() as undo:
        folder = store.make_folder(root, name)
        box = Box(folder, Record(name, 0, -1, bundle, _now(), linux["cgroupsPath"], spec))
        undo.callback(box.remove)
        gate = None
        if waits:
            gate = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
            undo.callback(gate.close)
            gate.bind(box.gate)
            gate.listen(1)
        stdio = None if is_terminal else Stdio(0, 1, 2)
        init = create(spec, bundle, stdio=stdio, gate=gate)
        undo.callback(init.abandon)
        box.record = box.record._replace(pid=init.pid, pid_start=store.start_time(init.pid))
        if sends_console and init.console is not None:
            terminal.send_descriptor(parsed.last("console-socket"), init.console, b"/dev/ptmx")
        if path := parsed.last("pidfd-socket"):
            terminal.send_descriptor(path, init.pidfd, b"")
        box.save()
        write_pid(parsed.last("pid-file"), init.pid)
        undo.pop_all()
    if gate is not None:
        gate.close()
    with init:
        yield box, init


def load_spec(bundle: str) -> Spec:
    """Return the bundle's config.json; raises NotFound, InvalidParameter."""
    path = os.path.join(bundle, "config.json")
    try:
        with open(path, encoding="utf-8") as file:
            return cast(Spec, json.load(file))
    except FileNotFoundError:
        raise NotFound(f"JSON specification file {path} not found") from None
    except ValueError as error:
        raise InvalidParameter(f"{path}: {error}") from error


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def write_pid(path: str, pid: int) -> None:
    """Write a pid file, at once and whole; an empty path asks for none."""
    if not path:
        return
    folder, name = os.path.split(os.path.abspath(path))
    beside = os.path.join(folder, f".{name}")
    with open(beside, "w", encoding="ascii") as file:
        file.write(str(pid))
    os.rename(beside, path)


def _forward_signals(init: Init) -> None:
    """Pass signals on from here on; before the start, since the program may ask for one at once."""

    def forward(number: int, _frame: object) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(init.pidfd, number)

    for number in _FORWARDED:
        signal.signal(number, forward)


def _attend(init: Init) -> int:
    """Pass the terminal on until the init has ended; return its status."""
    if init.console is not None:
        with terminal.raw_mode():
            terminal.relay(init.console, init.pidfd)
    return reap(init.pidfd)


def reap(pidfd: int) -> int:
    """Wait for a child and return its status: 128+n for signal n."""
    result = os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
    if result is None:
        raise Internal("the process vanished")
    return result.si_status if result.si_code == os.CLD_EXITED else 128 + result.si_status


def start_command(root: str, parsed: Parsed) -> int:
    """Start a created container; return when its program is executed."""
    box = Box.load(root, one_argument(parsed))
    status = box.status()
    if status != "created":
        text = "cannot start a container that has stopped"
        if status == "running":
            text = "cannot start an already running container"
        raise Conflict(text)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC) as sock:
        try:
            sock.connect(box.gate)
            channel = Channel(sock)
            channel.send(Start())
            while isinstance(answer := channel.receive(), Started):
                pass
        except OSError as error:
            raise Conflict(f"cannot start a container that has stopped: {cause(error)}") from error
    if isinstance(answer, Failed):
        raise Internal(answer.text)
    os.unlink(box.gate)
    return 0


def kill_command(root: str, parsed: Parsed) -> int:
    """Send a signal to the init, or with --all to every process of the container."""
    if not 1 <= len(parsed.arguments) <= 2:
        raise InvalidParameter("one or two arguments are required")
    box = Box.load(root, parsed.arguments[0])
    number = signal_number(parsed.arguments[1] if len(parsed.arguments) > 1 else "SIGTERM")
    if parsed.has("all"):
        for pid in box.cgroup.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        return 0
    pidfd = box.open_init()
    try:
        signal.pidfd_send_signal(pidfd, number)
    finally:
        os.close(pidfd)
    return 0


def signal_number(text: str) -> int:
    """Return the signal of a number, or a name with or without SIG; raises InvalidParameter."""
    if text.isascii() and text.isdigit() and 0 <= int(text) < signal.NSIG:
        return int(text)
    name = text.upper()
    try:
        return signal.Signals[name if name.startswith("SIG") else f"SIG{name}"]
    except KeyError:
        raise InvalidParameter(f"unknown signal {text!r}") from None


def delete_command(root: str, parsed: Parsed) -> int:
    """Remove a stopped container, a created one, or with --force any."""
    name = one_argument(parsed)
    force = parsed.has("force")
    try:
        box = Box.load(root, name)
    except NotFound:
        if force:
            return 0
        raise
    status = box.status()
    if status in ("running", "paused") and not force:
        raise Conflict(f"cannot delete container {name} that is not stopped: {status}")
    _remove(box)
    return 0


def _remove(box: Box) -> None:
    """Kill what is left, and remove cgroup and folder."""
    group = box.cgroup
    group.kill()
    group.remove()
    box.remove()


def pause_command(root: str, parsed: Parsed) -> int:
    """Stop every process of a container."""
    box = Box.load(root, one_argument(parsed))
    if box.status() not in ("running", "created"):
        raise Conflict("container not running")
    box.cgroup.freeze()
    os.close(os.open(box.paused_mark, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    return 0


def resume_command(root: str, parsed: Parsed) -> int:
    """Let a paused container go on."""
    box = Box.load(root, one_argument(parsed))
    if box.status() != "paused":
        raise Conflict("container not paused")
    box.cgroup.thaw()
    os.unlink(box.paused_mark)
    return 0
