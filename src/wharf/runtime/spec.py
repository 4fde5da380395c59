"""The OCI runtime specification 1.2 (`config.json`) as TypedDicts: checked by mypy, free at run time.

Source: <https://github.com/opencontainers/runtime-spec/blob/v1.2.1/config.md> and its JSON schema; key names
are the wire's. What the kernel's own rooms take (resources, seccomp) is declared there and re-exported here.

Two extensions, for Docker: `User.username`, which the specification has for Windows only, carries a
`user[:group]` text, and `User.groupAdd` names or numbers of more groups; the init looks them up in the
container's own /etc/passwd and /etc/group.

Two more, for a bind: `Mount.subpath` is the part of its source that is meant, found without leaving the
source (a link that leads out is refused); `Mount.stage` are mounts that are the source, instead of a path of
the host.
"""

from typing import Literal, NotRequired, TypedDict

from wharf.linux.cgroup.resources import LinuxResources
from wharf.linux.seccomp import LinuxSeccomp

__all__ = [
    "Box",
    "Capabilities",
    "Device",
    "Hook",
    "Hooks",
    "IDMapping",
    "IOPriority",
    "Linux",
    "LinuxResources",
    "LinuxSeccomp",
    "Mount",
    "Namespace",
    "NamespaceType",
    "Personality",
    "Process",
    "Rlimit",
    "Root",
    "RootMount",
    "Scheduler",
    "Spec",
    "Stage",
    "State",
    "TimeOffset",
    "User",
]

OCI_VERSION = "1.2.1"

NamespaceType = Literal["mount", "pid", "network", "uts", "ipc", "user", "cgroup", "time"]


class Box(TypedDict):
    """The size of a console in characters."""

    height: int
    width: int


class User(TypedDict, total=False):
    """Who the process is; `additionalGids` are set beside the primary group."""

    uid: int
    gid: int
    umask: int
    additionalGids: list[int]
    username: str
    groupAdd: list[str]


class Capabilities(TypedDict, total=False):
    """The five sets of capabilities(7), as `CAP_…` names."""

    bounding: list[str]
    permitted: list[str]
    effective: list[str]
    inheritable: list[str]
    ambient: list[str]


class Rlimit(TypedDict):
    """One resource limit; `type` is `RLIMIT_…` of getrlimit(2)."""

    type: str
    soft: int
    hard: int


class Scheduler(TypedDict):
    """The arguments of sched_setattr(2)."""

    policy: str
    nice: NotRequired[int]
    priority: NotRequired[int]
    flags: NotRequired[list[str]]
    runtime: NotRequired[int]
    deadline: NotRequired[int]
    period: NotRequired[int]


IOPriority = TypedDict("IOPriority", {"class": str, "priority": NotRequired[int]})
"""The arguments of ioprio_set(2); the functional form, since `class` is a Python keyword."""


class Process(TypedDict):
    """The process to run inside the container."""

    cwd: str
    args: NotRequired[list[str]]
    env: NotRequired[list[str]]
    terminal: NotRequired[bool]
    consoleSize: NotRequired[Box]
    user: NotRequired[User]
    capabilities: NotRequired[Capabilities]
    rlimits: NotRequired[list[Rlimit]]
    noNewPrivileges: NotRequired[bool]
    apparmorProfile: NotRequired[str]
    selinuxLabel: NotRequired[str]
    oomScoreAdj: NotRequired[int]
    scheduler: NotRequired[Scheduler]
    ioPriority: NotRequired[IOPriority]


class Root(TypedDict):
    """The root file system: a folder on the host."""

    path: str
    readonly: NotRequired[bool]


class IDMapping(TypedDict):
    """One line of a uid or gid map, user_namespaces(7)."""

    containerID: int
    hostID: int
    size: int


class Mount(TypedDict):
    """One mount inside the container, in order."""

    destination: str
    type: NotRequired[str]
    source: NotRequired[str]
    options: NotRequired[list[str]]
    uidMappings: NotRequired[list[IDMapping]]
    gidMappings: NotRequired[list[IDMapping]]
    subpath: NotRequired[str]
    stage: NotRequired["Stage"]


class Stage(TypedDict):
    """What is mounted to be the source of a bind, in the container's mount namespace only.

    `failure` is what is said, before the reason, when it cannot be mounted.
    """

    mounts: list["RootMount"]
    failure: str


class RootMount(TypedDict):
    """One of the mounts that make the root, as containerd's `Mount`.

    `cwd` is where to stand while mounting, so that overlay's `lowerdir` may be relative.
    """

    type: str
    source: str
    options: list[str]
    cwd: NotRequired[str | None]


class Namespace(TypedDict):
    """A namespace to make, or with `path` to join."""

    type: NamespaceType
    path: NotRequired[str]


class Device(TypedDict):
    """A device node below the container's /dev (or elsewhere); `type` is one of c, u, b, p."""

    type: str
    path: str
    major: NotRequired[int]
    minor: NotRequired[int]
    fileMode: NotRequired[int]
    uid: NotRequired[int]
    gid: NotRequired[int]


class TimeOffset(TypedDict, total=False):
    """The offset of one clock in a time namespace."""

    secs: int
    nanosecs: int


class Personality(TypedDict):
    """The argument of personality(2): LINUX or LINUX32."""

    domain: str
    flags: NotRequired[list[str]]


class Hook(TypedDict):
    """A program run by the runtime at a point of the container's life."""

    path: str
    args: NotRequired[list[str]]
    env: NotRequired[list[str]]
    timeout: NotRequired[int]


class Hooks(TypedDict, total=False):
    """Hooks by the point of life they belong to."""

    prestart: list[Hook]
    createRuntime: list[Hook]
    createContainer: list[Hook]
    startContainer: list[Hook]
    poststart: list[Hook]
    poststop: list[Hook]


class Linux(TypedDict, total=False):
    """The Linux part of the configuration."""

    devices: list[Device]
    uidMappings: list[IDMapping]
    gidMappings: list[IDMapping]
    namespaces: list[Namespace]
    resources: LinuxResources
    cgroupsPath: str
    rootfsPropagation: str
    seccomp: LinuxSeccomp
    sysctl: dict[str, str]
    maskedPaths: list[str]
    readonlyPaths: list[str]
    mountLabel: str
    personality: Personality
    timeOffsets: dict[str, TimeOffset]


class Spec(TypedDict):
    """The whole of `config.json`."""

    ociVersion: str
    process: NotRequired[Process]
    root: NotRequired[Root]
    hostname: NotRequired[str]
    domainname: NotRequired[str]
    mounts: NotRequired[list[Mount]]
    hooks: NotRequired[Hooks]
    annotations: NotRequired[dict[str, str]]
    linux: NotRequired[Linux]


class State(TypedDict):
    """What `state` prints and hooks read on their standard input."""

    ociVersion: str
    id: str
    status: Literal["creating", "created", "running", "stopped"]
    pid: NotRequired[int]
    bundle: str
    annotations: NotRequired[dict[str, str]]
