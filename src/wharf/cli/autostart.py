"""Starting the engine in the background, where the default socket is asked for and nobody listens there.

The engine is a process of its own session with its log in a file; it says that it serves by a newline on a
pipe.
"""

from __future__ import annotations

import fcntl
import os
import select
import sys

import wharf
from wharf.cli.errors import CliError
from wharf.client.errors import CannotConnect

LOG = "/run/wharf/wharfd.log"
LOCK = "/run/wharf/start.lock"
_READY_FD = 3
_PATIENCE_S = 60
_TAIL = 4096
_UMASK = 0o022


def daemon_program() -> list[str]:
    """Return the command that runs the daemon of this very installation, without flags."""
    package = os.path.dirname(os.path.abspath(wharf.__file__))
    return [sys.executable, "-I", os.path.join(package, "daemon", "__main__.py")]


def registry_program() -> list[str]:
    """Return the command that runs the registry of this very installation, without flags."""
    package = os.path.dirname(os.path.abspath(wharf.__file__))
    return [sys.executable, "-I", os.path.join(package, "registry", "server", "__main__.py")]


def start_engine(path: str) -> None:
    """Start the engine and return when it serves on the socket at `path`; say so on stderr.

    Raises:
        CannotConnect: this user may not start one.
        CliError: it did not start; the message has the end of its log.
    """
    if os.geteuid() != 0:
        raise CannotConnect(f"unix://{path}")
    os.makedirs(os.path.dirname(LOG), mode=0o755, exist_ok=True)
    with open(LOCK, "w", encoding="utf-8") as lock:
        # Commands that come at the same time wait here for the one engine.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_served(path):
            _start(path)


def _is_served(path: str) -> bool:
    import socket

    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


def _start(path: str) -> None:
    log = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
    told, tells = os.pipe2(os.O_CLOEXEC)
    try:
        begins = os.fstat(log).st_size
        try:
            _spawn(log, tells)
        finally:
            os.close(tells)
        if not _says_ready(told):
            raise CliError(
                f"wharf: the engine did not start on {path} (log: {LOG})\n{_tail(begins)}".rstrip()
            )
    finally:
        os.close(told)
        os.close(log)
    print(f"wharf: started the engine (log: {LOG})", file=sys.stderr, flush=True)


def _spawn(log: int, tells: int) -> None:
    import signal

    program = daemon_program()
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, log, 1),
        (os.POSIX_SPAWN_DUP2, log, 2),
        (os.POSIX_SPAWN_DUP2, tells, _READY_FD),
    ]
    # posix_spawn cannot change the folder, and a daemon must not keep the user's in use.
    here = os.open(".", os.O_PATH | os.O_CLOEXEC)
    umask = os.umask(_UMASK)
    try:
        os.chdir("/")
        os.posix_spawn(
            program[0],
            program,
            {**os.environ, "WHARF_READY_FD": str(_READY_FD)},
            file_actions=actions,
            setsid=True,
            setsigmask=[],
            setsigdef=[signal.SIGPIPE, signal.SIGINT],
        )
    finally:
        os.umask(umask)
        os.fchdir(here)
        os.close(here)


def _says_ready(told: int) -> bool:
    poll = select.poll()
    poll.register(told, select.POLLIN)
    return bool(poll.poll(_PATIENCE_S * 1000)) and bool(os.read(told, 1))


def _tail(begins: int) -> str:
    """Return the last lines of the log, from `begins` on."""
    with open(LOG, "rb") as log:
        end = log.seek(0, os.SEEK_END)
        log.seek(max(begins, end - _TAIL))
        return log.read().decode("utf-8", "replace").rstrip()
