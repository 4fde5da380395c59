"""What is known of a container, as it is kept in the database.

`Record` is what its creator asked for: it changes only by rename. `Condition` is where its life stands; it is
replaced as a whole at each step, so that whoever reads one never sees half a step.
"""

import enum

import msgspec

from wharf.engine.containers.mounts.point import MountPoint
from wharf.schema.container import ContainerConfig
from wharf.schema.host_config import HostConfig
from wharf.schema.network import Endpoints


class Status(enum.StrEnum):
    """Docker's container states."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"

    @property
    def is_alive(self) -> bool:
        """Return whether a process of the container exists, or will again without anybody's doing."""
        return self in {Status.RUNNING, Status.PAUSED, Status.RESTARTING}


class Link(msgspec.Struct, frozen=True):
    """Another container, as this one knows it; `name` is what that one was called when they were linked."""

    alias: str
    container: str
    name: str


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A container as it was created. Times are nanoseconds of the wall clock."""

    id: str
    name: str
    created: int
    image_id: str
    image_ref: str
    config: ContainerConfig
    host_config: HostConfig
    endpoints: Endpoints
    path: str
    args: list[str]
    mounts: list[MountPoint] = []
    links: list[Link] = []

    @property
    def short_id(self) -> str:
        """The first twelve digits: what people see."""
        return self.id[:12]


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """One result of a health check; `exit_code` is -1 for a probe that did not end by itself."""

    start: int
    end: int
    exit_code: int
    output: str


class HealthCondition(msgspec.Struct, frozen=True, kw_only=True):
    """`starting`, `healthy` or `unhealthy`, failures in a row, and the last results, the oldest first."""

    status: str
    streak: int = 0
    log: list[Probe] = []


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """Where a container's life stands. Times are nanoseconds of the wall clock, 0 for never."""

    status: Status = Status.CREATED
    pid: int = 0
    exit_code: int = 0
    error: str = ""
    oom_killed: bool = False
    started_at: int = 0
    finished_at: int = 0
    stopped_by_user: bool = False
    restart_count: int = 0
    health: HealthCondition | None = None
    is_frozen_briefly: bool = False
    """The engine has paused it for a commit, and lets it go on by itself."""
