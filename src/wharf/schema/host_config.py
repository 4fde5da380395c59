"""What a container may ask of its host: `HostConfig` and the records in it."""

from wharf.schema.struct import Struct, omit, wire, zero

Strings = list[str] | None
"""Go's nil or filled `[]string`."""


class LogConfig(Struct):
    """The log driver and its options."""

    type: str = ""
    config: dict[str, str] | None = None


class RestartPolicy(Struct):
    """`no`, `always`, `unless-stopped` or `on-failure`; the count belongs to the last."""

    name: str = ""
    maximum_retry_count: int = 0


class PortBinding(Struct):
    """Where a port of the container is published; both are texts, empty for any."""

    host_ip: str = wire("", name="HostIp")
    host_port: str = ""


PortMap = dict[str, list[PortBinding] | None]
"""`80/tcp` to its bindings; null for a port that is exposed only."""


class DeviceMapping(Struct):
    """A device of the host shown in the container."""

    path_on_host: str = ""
    path_in_container: str = ""
    cgroup_permissions: str = ""


class DeviceRequest(Struct):
    """Devices asked of a driver (`--gpus`)."""

    driver: str = ""
    count: int = 0
    device_ids: Strings = None
    capabilities: list[list[str]] | None = None
    options: dict[str, str] | None = None


class Ulimit(Struct):
    """A resource limit of setrlimit(2), by its lower-case name without `RLIMIT_`."""

    name: str = ""
    hard: int = 0
    soft: int = 0


class WeightDevice(Struct):
    """The block I/O weight of one device."""

    path: str = ""
    weight: int = 0


class ThrottleDevice(Struct):
    """A bound on a block device: bytes or operations a second."""

    path: str = ""
    rate: int = 0


class BindOptions(Struct):
    """Options of a mount of type `bind`."""

    propagation: str = omit("")
    non_recursive: bool = omit(False)
    create_mountpoint: bool = omit(False)
    read_only_non_recursive: bool = omit(False)
    read_only_force_recursive: bool = omit(False)


class MountDriver(Struct):
    """The volume driver of a mount, and its options."""

    name: str = omit("")
    options: dict[str, str] = omit({})


class VolumeOptions(Struct):
    """Options of a mount of type `volume`."""

    no_copy: bool = omit(False)
    labels: dict[str, str] = omit({})
    subpath: str = omit("")
    driver_config: MountDriver | None = omit(None)


class ImageOptions(Struct):
    """Options of a mount of type `image`."""

    subpath: str = omit("")


class TmpfsOptions(Struct):
    """Options of a mount of type `tmpfs`; `mode` holds Go's file mode bits."""

    size_bytes: int = omit(0)
    mode: int = omit(0)
    options: list[list[str]] = omit([])


class Mount(Struct):
    """A mount as `--mount` describes it."""

    type: str = omit("")
    source: str = omit("")
    target: str = omit("")
    read_only: bool = omit(False)
    consistency: str = omit("")
    bind_options: BindOptions | None = omit(None)
    volume_options: VolumeOptions | None = omit(None)
    image_options: ImageOptions | None = omit(None)
    tmpfs_options: TmpfsOptions | None = omit(None)
    cluster_options: dict[str, object] | None = omit(None)


class HostConfig(Struct):
    """What a container asks of its host; memory in bytes, CPU times in microseconds.

    `console_size` is (height, width). The limits, from `cpu_shares` on, and `restart_policy` are also the
    body of `POST /containers/{id}/update`.
    """

    binds: Strings = None
    container_id_file: str = ""
    log_config: LogConfig = zero(LogConfig)
    network_mode: str = ""
    port_bindings: PortMap | None = None
    restart_policy: RestartPolicy = zero(RestartPolicy)
    auto_remove: bool = False
    volume_driver: str = ""
    volumes_from: Strings = None
    console_size: tuple[int, int] = (0, 0)
    annotations: dict[str, str] = omit({})
    cap_add: Strings = None
    cap_drop: Strings = None
    cgroupns_mode: str = ""
    dns: Strings = wire(None, name="Dns")
    dns_options: Strings = wire(None, name="DnsOptions")
    dns_search: Strings = wire(None, name="DnsSearch")
    extra_hosts: Strings = None
    group_add: Strings = None
    ipc_mode: str = ""
    cgroup: str = ""
    links: Strings = None
    oom_score_adj: int = 0
    pid_mode: str = ""
    privileged: bool = False
    publish_all_ports: bool = False
    readonly_rootfs: bool = False
    security_opt: Strings = None
    storage_opt: dict[str, str] = omit({})
    tmpfs: dict[str, str] = omit({})
    uts_mode: str = ""
    userns_mode: str = ""
    shm_size: int = 0
    sysctls: dict[str, str] = omit({})
    runtime: str = omit("")
    isolation: str = ""
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
    devices: list[DeviceMapping] | None = None
    device_cgroup_rules: Strings = None
    device_requests: list[DeviceRequest] | None = None
    kernel_memory: int = omit(0)
    kernel_memory_tcp: int = omit(0, name="KernelMemoryTCP")
    memory_reservation: int = 0
    memory_swap: int = 0
    memory_swappiness: int | None = None
    oom_kill_disable: bool | None = None
    pids_limit: int | None = None
    ulimits: list[Ulimit] | None = None
    cpu_count: int = 0
    cpu_percent: int = 0
    io_maximum_iops: int = 0
    io_maximum_bandwidth: int = 0
    mounts: list[Mount] = omit([])
    masked_paths: Strings = None
    readonly_paths: Strings = None
    init: bool | None = omit(None)
