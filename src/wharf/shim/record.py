"""The files by which a shim is found and its container's end is known, whoever is alive to hear of it."""

import errno
import json
import os
import time
import traceback
from contextlib import suppress

from wharf.failpoint import failpoint
from wharf.shim.protocol import ExitRecord

EXIT = "exit.json"
PREVIOUS = "previous.json"
"""What `exit.json` was before the container was started again."""
PID = "shim.pid"
LOG = "shim.log"

_STATE, _START_TIME = 3, 22
"""Fields of proc_pid_stat(5), counted from 1."""
_STAT = 4096


def write_durably(path: str, data: bytes) -> None:
    """Replace the file at `path`, so that after a power cut it is the old or the new one: raises OSError."""
    folder, name = os.path.split(path)
    folder_fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    beside = f".{name}.new"
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(beside, flags, 0o600, dir_fd=folder_fd)
        try:
            os.write(fd, data)
            failpoint("shim.record.write")
            os.fsync(fd)
        finally:
            os.close(fd)
        failpoint("shim.record.rename")
        os.rename(beside, name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
        os.fsync(folder_fd)
    finally:
        os.close(folder_fd)


def write_exit(bundle: str, record: ExitRecord) -> None:
    """Put `record` on disk for good."""
    write_durably(f"{bundle}/{EXIT}", json.dumps(record).encode())


def put_exit_away(bundle: str) -> None:
    """Keep the record of an end beside: the container starts again."""
    with suppress(FileNotFoundError):  # a full disk kept it from being written
        os.rename(f"{bundle}/{EXIT}", f"{bundle}/{PREVIOUS}")


def write_pid(bundle: str) -> None:
    """Say which process is the shim of `bundle`: its pid and its start time in clock ticks since boot."""
    fd = os.open(f"{bundle}/{PID}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, f"{os.getpid()} {_start_time('self')}\n".encode())
    finally:
        os.close(fd)


def wait_status(pidfd: int) -> tuple[int, int]:
    """Reap an ended child; return its exit status, 128+n for signal n, and the time in nanoseconds."""
    ended = os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
    now = time.time_ns()
    assert ended is not None
    return (ended.si_status if ended.si_code == os.CLD_EXITED else 128 + ended.si_status), now


def living_shim(bundle: str) -> int | None:
    """Return the pid of the shim of `bundle` if that process is alive, else None.

    A pid that has become another process's is not it: that one started at another time.
    """
    try:
        with open(f"{bundle}/{PID}", encoding="ascii") as file:
            pid, _, started = file.read().strip().partition(" ")
        return int(pid) if started and _start_time(str(int(pid))) == started else None
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return None


def _start_time(pid: str) -> str:
    """Return when process `pid` started; raises FileNotFoundError or ProcessLookupError when it is dead."""
    fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    try:
        stat = os.read(fd, _STAT)
    finally:
        os.close(fd)
    # The second field is a name in parentheses, which may hold spaces and parentheses itself.
    fields = stat[stat.rindex(b")") + 2 :].split()
    if fields[_STATE - 3] in b"ZX":
        raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
    return fields[_START_TIME - 3].decode("ascii")


def note_failure(bundle: str) -> None:
    """Append the exception being handled to `shim.log`: a failure of ours, and nobody else to tell."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(f"{bundle}/{LOG}", flags, 0o600)
    try:
        os.write(fd, traceback.format_exc().encode(errors="backslashreplace"))
    finally:
        os.close(fd)
