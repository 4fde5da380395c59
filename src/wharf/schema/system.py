"""The engine itself: version, info, disk usage, and the shape of an error."""

from wharf.schema.container import ContainerSummary
from wharf.schema.host_config import Strings
from wharf.schema.image import ImageSummary
from wharf.schema.struct import Struct, omit, wire, zero
from wharf.schema.volume import Volume


class ErrorResponse(Struct):
    """The body of every error."""

    message: str = wire("", name="message")


class Ping(Struct):
    """What `/_ping` tells in its headers; `swarm` is `inactive` or `active/manager`."""

    builder_version: str = "2"
    swarm: str = "inactive"


class VersionPlatform(Struct):
    """The product's name."""

    name: str = ""


class VersionComponent(Struct):
    """One program the engine is made of."""

    name: str = ""
    version: str = ""
    details: dict[str, str] = omit({})


class SystemVersion(Struct):
    """The answer to `GET /version`."""

    platform: VersionPlatform = zero(VersionPlatform)
    components: list[VersionComponent] = omit([])
    version: str = ""
    api_version: str = ""
    min_api_version: str = omit("", name="MinAPIVersion")
    git_commit: str = ""
    go_version: str = ""
    os: str = ""
    arch: str = ""
    kernel_version: str = omit("")
    experimental: bool = omit(False)
    build_time: str = omit("")


class PluginsInfo(Struct):
    """The drivers there are, by kind."""

    volume: Strings = None
    network: Strings = None
    authorization: Strings = None
    log: Strings = None


class IndexInfo(Struct):
    """One registry the engine knows of."""

    mirrors: list[str] = zero(list)
    name: str = ""
    official: bool = False
    secure: bool = False


class RegistryConfig(Struct):
    """How the engine speaks to registries."""

    index_configs: dict[str, IndexInfo] | None = None
    insecure_registry_cidrs: Strings = wire(None, name="InsecureRegistryCIDRs")
    mirrors: Strings = None


class RuntimeInfo(Struct, rename="camel"):
    """One OCI runtime: a program, or a shim's `type` with its options."""

    path: str = omit("")
    runtime_args: list[str] = omit([])
    type: str = omit("")
    options: dict[str, object] = omit({})
    status: dict[str, str] = omit({})


class Commit(Struct):
    """The source of a program."""

    id: str = wire("", name="ID")


class PeerNode(Struct):
    """A manager of the swarm."""

    node_id: str = ""
    addr: str = ""


class SwarmInfo(Struct):
    """This node's part in a swarm."""

    node_id: str = ""
    node_addr: str = ""
    local_node_state: str = "inactive"
    control_available: bool = False
    error: str = ""
    remote_managers: list[PeerNode] | None = None
    nodes: int = omit(0)
    managers: int = omit(0)
    cluster: dict[str, object] | None = omit(None)
    warnings: list[str] = omit([])


class FirewallInfo(Struct):
    """The firewall backend in use."""

    driver: str = ""
    info: list[tuple[str, str]] = omit([])


class AddressPool(Struct):
    """A range that networks are cut from, into pieces with a prefix of `size` bits."""

    base: str = ""
    size: int = 0


class DeviceInfo(Struct):
    """A device found by a device driver."""

    source: str = ""
    id: str = wire("", name="ID")


class ContainerdNamespaces(Struct):
    """The namespaces of containerd in use."""

    containers: str = ""
    plugins: str = ""


class ContainerdInfo(Struct):
    """Where containerd is, in an engine that has one."""

    address: str = omit("")
    namespaces: ContainerdNamespaces = zero(ContainerdNamespaces)


class SystemInfo(Struct):
    """The answer to `GET /info`; `mem_total` in bytes."""

    id: str = wire("", name="ID")
    containers: int = 0
    containers_running: int = 0
    containers_paused: int = 0
    containers_stopped: int = 0
    images: int = 0
    driver: str = ""
    driver_status: list[tuple[str, str]] | None = None
    system_status: list[tuple[str, str]] = omit([])
    plugins: PluginsInfo = zero(PluginsInfo)
    memory_limit: bool = False
    swap_limit: bool = False
    kernel_memory: bool = omit(False)
    kernel_memory_tcp: bool = omit(False, name="KernelMemoryTCP")
    cpu_cfs_period: bool = False
    cpu_cfs_quota: bool = False
    cpu_shares: bool = wire(False, name="CPUShares")
    cpu_set: bool = wire(False, name="CPUSet")
    pids_limit: bool = False
    ipv4_forwarding: bool = False
    debug: bool = False
    n_fd: int = 0
    oom_kill_disable: bool = False
    n_goroutines: int = 0
    system_time: str = ""
    logging_driver: str = ""
    cgroup_driver: str = ""
    cgroup_version: str = omit("")
    n_events_listener: int = 0
    kernel_version: str = ""
    operating_system: str = ""
    os_version: str = wire("", name="OSVersion")
    os_type: str = wire("", name="OSType")
    architecture: str = ""
    index_server_address: str = ""
    registry_config: RegistryConfig | None = None
    ncpu: int = wire(0, name="NCPU")
    mem_total: int = 0
    generic_resources: list[dict[str, object]] | None = None
    docker_root_dir: str = ""
    http_proxy: str = ""
    https_proxy: str = ""
    no_proxy: str = ""
    name: str = ""
    labels: Strings = None
    experimental_build: bool = False
    server_version: str = ""
    runtimes: dict[str, RuntimeInfo] | None = None
    default_runtime: str = ""
    swarm: SwarmInfo = zero(SwarmInfo)
    live_restore_enabled: bool = False
    isolation: str = ""
    init_binary: str = ""
    containerd_commit: Commit = zero(Commit)
    runc_commit: Commit = zero(Commit)
    init_commit: Commit = zero(Commit)
    security_options: Strings = None
    product_license: str = omit("")
    default_address_pools: list[AddressPool] = omit([])
    firewall_backend: FirewallInfo | None = omit(None)
    cdi_spec_dirs: Strings = wire(None, name="CDISpecDirs")
    discovered_devices: list[DeviceInfo] = omit([])
    containerd: ContainerdInfo | None = omit(None)
    warnings: Strings = None


class BuildCache(Struct):
    """One record of the build cache; `size` in bytes."""

    id: str = wire("", name="ID")
    parents: list[str] = omit([])
    type: str = ""
    description: str = ""
    in_use: bool = False
    shared: bool = False
    size: int = 0
    created_at: str = ""
    last_used_at: str | None = None
    usage_count: int = 0


class DiskUsage(Struct):
    """The answer to `GET /system/df`; kinds that were not asked for are null."""

    layers_size: int = 0
    images: list[ImageSummary] | None = None
    containers: list[ContainerSummary] | None = None
    volumes: list[Volume] | None = None
    build_cache: list[BuildCache] | None = None
