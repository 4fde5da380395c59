"""What `wharf-runtime` remembers of its containers between two calls: a folder for each below --root.

`state.json` is written beside and renamed into place. A container's status is not stored but looked at: the
init is identified by its pid and start time, so that a pid used again is never taken for it.
"""

import json
import os
import re
from contextlib import suppress
from typing import NamedTuple, Self

from wharf.errors import Conflict, InvalidParameter, NotFound
from wharf.linux.cgroup import Cgroup
from wharf.runtime.spec import Spec

_ID = re.compile(r"[\w+.-]+", re.ASCII)
_STATE = "state.json"
GATE = "start.sock"
_PAUSED = "paused"


class Record(NamedTuple):
    """One container as it was created; times are RFC 3339 text."""

    id: str
    pid: int
    pid_start: int
    bundle: str
    created: str
    cgroup: str
    spec: Spec


class Box:
    """A container's folder and record."""

    def __init__(self, folder: str, record: Record) -> None:
        self.folder = folder
        self.record = record

    @classmethod
    def load(cls, root: str, name: str) -> Self:
        """Return the container `name`; raises NotFound."""
        folder = folder_of(root, name)
        try:
            with open(os.path.join(folder, _STATE), encoding="utf-8") as file:
                fields = json.load(file)
        except FileNotFoundError:
            raise NotFound("container does not exist") from None
        return cls(folder, Record(**fields))

    def save(self) -> None:
        """Write the record."""
        path = os.path.join(self.folder, _STATE)
        with open(f"{path}.new", "w", encoding="utf-8", opener=_private) as file:
            json.dump(self.record._asdict(), file)
            file.flush()
            os.fsync(file.fileno())
        os.rename(f"{path}.new", path)

    def remove(self) -> None:
        """Remove the folder."""
        for name in (GATE, _PAUSED, _STATE, f"{_STATE}.new"):
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(self.folder, name))
        os.rmdir(self.folder)

    @property
    def cgroup(self) -> Cgroup:
        """The container's cgroup."""
        return Cgroup.load(self.record.cgroup)

    @property
    def gate(self) -> str:
        """The path of the socket where the init of a created container waits."""
        return os.path.join(self.folder, GATE)

    @property
    def paused_mark(self) -> str:
        """The path of an empty file that is there while the container is paused."""
        return os.path.join(self.folder, _PAUSED)

    def status(self) -> str:
        """Return created, running, paused or stopped."""
        if start_time(self.record.pid) != self.record.pid_start:
            return "stopped"
        if os.path.exists(self.gate):
            return "created"
        return "paused" if os.path.exists(self.paused_mark) else "running"

    def open_init(self) -> int:
        """Return a pidfd of the init; raises Conflict when the container is not running."""
        try:
            pidfd = os.pidfd_open(self.record.pid)
        except ProcessLookupError:
            raise Conflict("container not running") from None
        # Looked at after the pidfd was opened: from here on the pid cannot be another's.
        if start_time(self.record.pid) != self.record.pid_start:
            os.close(pidfd)
            raise Conflict("container not running")
        return pidfd


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def folder_of(root: str, name: str) -> str:
    """Return the folder of the container `name`; raises InvalidParameter for what is no name."""
    if not name:
        raise InvalidParameter("container ID cannot be empty")
    if not _ID.fullmatch(name) or name in (".", ".."):
        raise InvalidParameter("invalid container ID format")
    return os.path.join(root, name)


def make_folder(root: str, name: str) -> str:
    """Make the folder of a new container; raises Conflict when there is one."""
    folder = folder_of(root, name)
    os.makedirs(root, mode=0o700, exist_ok=True)
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        raise Conflict("container with given ID already exists") from None
    return folder


def names(root: str) -> list[str]:
    """Return the names of all containers, in order."""
    try:
        return sorted(name for name in os.listdir(root) if os.path.exists(os.path.join(root, name, _STATE)))
    except FileNotFoundError:
        return []


def start_time(pid: int) -> int:
    """Return when the process started, in clock ticks since boot; -1 for none, or one that has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(") ")[2].split(" ")
    except (FileNotFoundError, ProcessLookupError):
        return -1
    return -1 if fields[0] in "ZX" else int(fields[19])
