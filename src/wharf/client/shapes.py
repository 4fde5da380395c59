"""What the engine's answers look like, as far as this client reads them: for the type checker only.

Nothing imports this module when a program runs. Names are the wire's.
"""

from __future__ import annotations

from typing import TypedDict


class Created(TypedDict):
    """A new container or exec instance."""

    Id: str
    Warnings: list[str] | None


class Port(TypedDict, total=False):
    """A port of a listed container."""

    IP: str
    PrivatePort: int
    PublicPort: int
    Type: str


class Mount(TypedDict, total=False):
    """A mount of a listed container."""

    Type: str
    Name: str
    Source: str
    Destination: str
    Driver: str


class ContainerNetworks(TypedDict, total=False):
    """The networks of a listed container, by name."""

    Networks: dict[str, dict[str, object]] | None


class ContainerSummary(TypedDict, total=False):
    """A row of `GET /containers/json`."""

    Id: str
    Names: list[str] | None
    Image: str
    ImageID: str
    Command: str
    Created: int
    Ports: list[Port] | None
    Labels: dict[str, str] | None
    State: str
    Status: str
    SizeRw: int
    SizeRootFs: int
    Mounts: list[Mount] | None
    NetworkSettings: ContainerNetworks | None


class ContainerState(TypedDict, total=False):
    """The state of an inspected container."""

    Status: str
    Running: bool
    Paused: bool
    Restarting: bool
    ExitCode: int
    Error: str


class ContainerConfig(TypedDict, total=False):
    """What of an inspected container's config is read here."""

    Tty: bool
    OpenStdin: bool
    Image: str


class InspectedHostConfig(TypedDict, total=False):
    """What of an inspected container's host config is read here."""

    AutoRemove: bool


class PortBinding(TypedDict):
    """Where a published port is bound."""

    HostIp: str
    HostPort: str


class NetworkSettings(TypedDict, total=False):
    """The network settings of an inspected container."""

    Ports: dict[str, list[PortBinding] | None] | None


class ContainerInspect(TypedDict, total=False):
    """What of `GET /containers/{id}/json` is read here."""

    Id: str
    Name: str
    State: ContainerState
    Config: ContainerConfig
    HostConfig: InspectedHostConfig
    NetworkSettings: NetworkSettings


class ExecInspect(TypedDict, total=False):
    """What of `GET /exec/{id}/json` is read here."""

    Running: bool
    ExitCode: int | None


class WaitError(TypedDict):
    """Why a wait ended without a status."""

    Message: str


class WaitAnswer(TypedDict, total=False):
    """The answer to a wait."""

    StatusCode: int
    Error: WaitError | None


class SearchResult(TypedDict, total=False):
    """A row of `GET /images/search`."""

    name: str
    description: str
    star_count: int
    is_official: bool
    is_automated: bool


class Change(TypedDict):
    """A row of the answer to `changes`: 0 changed, 1 added, 2 deleted."""

    Path: str
    Kind: int


class ImageSummary(TypedDict, total=False):
    """A row of `GET /images/json`."""

    Id: str
    RepoTags: list[str] | None
    RepoDigests: list[str] | None
    Created: int
    Size: int
    SharedSize: int
    Containers: int
    Labels: dict[str, str] | None
    Manifests: list[dict[str, object]]


class ImageDeleted(TypedDict, total=False):
    """A row of the answer to an image's removal."""

    Untagged: str
    Deleted: str


class HistoryItem(TypedDict, total=False):
    """A row of an image's history."""

    Id: str
    Created: int
    CreatedBy: str
    Size: int
    Comment: str
    Tags: list[str] | None


class CreatedNetwork(TypedDict):
    """The answer to making a network."""

    Id: str
    Warning: str


class NetworkSummary(TypedDict, total=False):
    """A row of `GET /networks`."""

    Id: str
    Name: str
    Driver: str
    Scope: str
    EnableIPv4: bool
    EnableIPv6: bool
    Internal: bool
    Created: str
    Labels: dict[str, str] | None


class Volume(TypedDict, total=False):
    """A row of `GET /volumes`, and the answer to an inspect."""

    Name: str
    Driver: str
    Scope: str
    Mountpoint: str
    CreatedAt: str
    Labels: dict[str, str] | None
    Options: dict[str, str] | None
    ClusterVolume: dict[str, object]


class ImagesPruned(TypedDict):
    """The answer to `POST /images/prune`."""

    ImagesDeleted: list[ImageDeleted] | None
    SpaceReclaimed: int


class VolumesPruned(TypedDict):
    """The answer to `POST /volumes/prune`."""

    VolumesDeleted: list[str] | None
    SpaceReclaimed: int


class Component(TypedDict, total=False):
    """A part of the engine and its version."""

    Name: str
    Version: str
    Details: dict[str, str] | None


class Platform(TypedDict):
    """The product's name."""

    Name: str


class Version(TypedDict, total=False):
    """The answer to `GET /version`."""

    Platform: Platform
    Components: list[Component]
    Version: str
    ApiVersion: str
    MinAPIVersion: str
    GitCommit: str
    GoVersion: str
    Os: str
    Arch: str
    KernelVersion: str
    BuildTime: str
    Experimental: bool


class ContainerTop(TypedDict, total=False):
    """The answer to `GET /containers/{id}/top`."""

    Titles: list[str] | None
    Processes: list[list[str]] | None


class ContainersPruned(TypedDict, total=False):
    """The answer to `POST /containers/prune`."""

    ContainersDeleted: list[str] | None
    SpaceReclaimed: int


class CpuStats(TypedDict, total=False):
    """What a container, and the machine, have spent on processors: nanoseconds."""

    cpu_usage: dict[str, int | list[int]]
    system_cpu_usage: int
    online_cpus: int


class MemoryStats(TypedDict, total=False):
    """Bytes of memory."""

    usage: int
    limit: int
    stats: dict[str, int]


class BlkioEntry(TypedDict):
    """A figure of a block device."""

    op: str
    value: int


class ContainerStats(TypedDict, total=False):
    """A line of `GET /containers/{id}/stats`."""

    name: str
    id: str
    read: str
    pids_stats: dict[str, int]
    blkio_stats: dict[str, list[BlkioEntry] | None]
    cpu_stats: CpuStats
    precpu_stats: CpuStats
    memory_stats: MemoryStats
    networks: dict[str, dict[str, int]]
