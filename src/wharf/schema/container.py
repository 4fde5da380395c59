"""Containers: what is asked at create, and what list and inspect show."""

from wharf.schema.health import Health, HealthConfig
from wharf.schema.host_config import HostConfig, RestartPolicy, Strings, ThrottleDevice, WeightDevice
from wharf.schema.network import EndpointSettings, NetworkingConfig, NetworkSettings
from wharf.schema.oci import Descriptor
from wharf.schema.struct import Struct, omit, wire, zero

Set = dict[str, dict[str, object]]
"""Go's `map[string]struct{}`: only the keys speak."""


class ContainerConfig(Struct):
    """What a container is, wherever it runs: `Config` of its inspect. `stop_timeout` is in seconds."""

    hostname: str = ""
    domainname: str = ""
    user: str = ""
    attach_stdin: bool = False
    attach_stdout: bool = False
    attach_stderr: bool = False
    exposed_ports: Set = omit({})
    tty: bool = False
    open_stdin: bool = False
    stdin_once: bool = False
    env: Strings = None
    cmd: Strings = None
    healthcheck: HealthConfig | None = omit(None)
    args_escaped: bool = omit(False)
    image: str = ""
    volumes: Set | None = None
    working_dir: str = ""
    entrypoint: Strings = None
    network_disabled: bool = omit(False)
    mac_address: str = omit("")
    on_build: Strings = None
    labels: dict[str, str] | None = None
    stop_signal: str = omit("")
    stop_timeout: int | None = omit(None)
    shell: list[str] = omit([])


class ContainerCreateRequest(ContainerConfig):
    """The body of `POST /containers/create`: a ContainerConfig with two members more."""

    host_config: HostConfig | None = omit(None)
    networking_config: NetworkingConfig | None = omit(None)


class ContainerCreateResponse(Struct):
    """The answer to `POST /containers/create`; `warnings` is never null."""

    id: str = ""
    warnings: list[str] = zero(list)


class ContainerState(Struct):
    """The state of a container.

    `status` is one of created, running, paused, restarting, removing, exited, dead; times are RFC 3339.
    """

    status: str = ""
    running: bool = False
    paused: bool = False
    restarting: bool = False
    oom_killed: bool = wire(False, name="OOMKilled")
    dead: bool = False
    pid: int = 0
    exit_code: int = 0
    error: str = ""
    started_at: str = ""
    finished_at: str = ""
    health: Health | None = omit(None)


class DriverData(Struct):
    """What the storage driver says of a layer."""

    data: dict[str, str] | None = None
    name: str = ""


class MountPoint(Struct):
    """A mount in use by a container; `source` and `destination` are paths, `rw` says whether it may write."""

    type: str = omit("")
    name: str = omit("")
    source: str = ""
    destination: str = ""
    driver: str = omit("")
    mode: str = ""
    rw: bool = False
    propagation: str = ""


class ContainerInspect(Struct):
    """The answer to `GET /containers/{id}/json`; sizes (in bytes) only when asked for."""

    id: str = ""
    created: str = ""
    path: str = ""
    args: Strings = None
    state: ContainerState | None = None
    image: str = ""
    resolv_conf_path: str = ""
    hostname_path: str = ""
    hosts_path: str = ""
    log_path: str = ""
    name: str = ""
    restart_count: int = 0
    driver: str = ""
    platform: str = ""
    mount_label: str = ""
    process_label: str = ""
    app_armor_profile: str = ""
    exec_ids: Strings = None
    host_config: HostConfig | None = None
    graph_driver: DriverData = zero(DriverData)
    size_rw: int | None = omit(None, name="SizeRw")
    size_root_fs: int | None = omit(None)
    mounts: list[MountPoint] = zero(list)
    config: ContainerConfig | None = None
    network_settings: NetworkSettings | None = None
    image_manifest_descriptor: Descriptor | None = omit(None)


class Port(Struct):
    """A port in a list: exposed only when it has no `public_port`."""

    ip: str = omit("")
    private_port: int = 0
    public_port: int = omit(0)
    type: str = ""


class SummaryHostConfig(Struct):
    """The part of a HostConfig that a list shows."""

    network_mode: str = omit("")
    annotations: dict[str, str] = omit({})


class SummaryNetworks(Struct):
    """The part of a container's network that a list shows."""

    networks: dict[str, EndpointSettings] | None = None


class ContainerSummary(Struct):
    """One container of `GET /containers/json`; `created` is in seconds since 1970."""

    id: str = ""
    names: Strings = None
    image: str = ""
    image_id: str = ""
    image_manifest_descriptor: Descriptor | None = omit(None)
    command: str = ""
    created: int = 0
    ports: list[Port] = zero(list)
    size_rw: int = omit(0, name="SizeRw")
    size_root_fs: int = omit(0)
    labels: dict[str, str] | None = None
    state: str = ""
    status: str = ""
    host_config: SummaryHostConfig = zero(SummaryHostConfig)
    network_settings: SummaryNetworks | None = None
    mounts: list[MountPoint] = zero(list)


class WaitError(Struct):
    """Why a wait could not be answered with a status."""

    message: str = omit("")


class WaitResponse(Struct):
    """The answer to `POST /containers/{id}/wait`."""

    error: WaitError | None = omit(None)
    status_code: int = 0


class ContainerTop(Struct):
    """The answer to `GET /containers/{id}/top`: rows of columns."""

    processes: list[list[str]] | None = None
    titles: Strings = None


class PathStat(Struct, rename="camel"):
    """What `X-Docker-Container-Path-Stat` says of a path; `mode` as Go has it, `mtime` RFC 3339."""

    name: str = ""
    size: int = 0
    mode: int = 0
    mtime: str = ""
    link_target: str = ""


class CommitResponse(Struct):
    """The answer to `POST /commit`."""

    id: str = ""


class UpdateRequest(Struct):
    """The body of `POST /containers/{id}/update`: limits, a restart policy; zero leaves a thing as it is."""

    restart_policy: RestartPolicy = zero(RestartPolicy)
    cpu_shares: int = 0
    memory: int = 0
    nano_cpus: int = 0
    cgroup_parent: str = ""
    blkio_weight: int = 0
    blkio_weight_device: list[WeightDevice] | None = None
    blkio_device_read_bps: list[ThrottleDevice] | None = None
    blkio_device_write_bps: list[ThrottleDevice] | None = None
    blkio_device_read_iops: list[ThrottleDevice] | None = None
    blkio_device_write_iops: list[ThrottleDevice] | None = None
    cpu_period: int = 0
    cpu_quota: int = 0
    cpu_realtime_period: int = 0
    cpu_realtime_runtime: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    kernel_memory: int = omit(0)
    memory_reservation: int = 0
    memory_swap: int = 0
    memory_swappiness: int | None = None
    oom_kill_disable: bool | None = None
    pids_limit: int | None = None
    cpu_percent: int = 0


class UpdateResponse(Struct):
    """The answer to an update."""

    warnings: Strings = None


class FilesystemChange(Struct):
    """One path of `GET /containers/{id}/changes`: 0 modified, 1 added, 2 deleted."""

    path: str = ""
    kind: int = 0


class ContainersPruneReport(Struct):
    """The answer to `POST /containers/prune`; bytes."""

    containers_deleted: Strings = None
    space_reclaimed: int = 0
