"""The resources of a cgroup as the OCI runtime spec writes them (config-linux.md, "Control groups").

Types only: free at run time. Zero means "leave as it is" where the spec's Go types cannot tell it from
absence; sizes are bytes, times microseconds, -1 is "no limit" where the kernel knows one.
"""

from typing import TypedDict


class DeviceRule(TypedDict, total=False):
    """One rule of the device list; no type, or `a`, means all types; no number, or -1, means all numbers."""

    allow: bool
    type: str
    major: int | None
    minor: int | None
    access: str


class Memory(TypedDict, total=False):
    """Bytes, except `swappiness` (0..100); `swap` is memory plus swap, as cgroup v1 counts."""

    limit: int
    reservation: int
    swap: int
    kernel: int
    kernelTCP: int
    swappiness: int
    disableOOMKiller: bool
    useHierarchy: bool
    checkBeforeUpdate: bool


class Cpu(TypedDict, total=False):
    """Shares of the processors, and which of them."""

    shares: int
    quota: int
    burst: int
    period: int
    realtimeRuntime: int
    realtimePeriod: int
    cpus: str
    mems: str
    idle: int


class Pids(TypedDict):
    """How many tasks; 0 leaves the limit as it is, -1 is none."""

    limit: int


class WeightDevice(TypedDict, total=False):
    """The weight of one block device."""

    major: int
    minor: int
    weight: int
    leafWeight: int


class ThrottleDevice(TypedDict):
    """A rate for one block device: bytes or operations per second."""

    major: int
    minor: int
    rate: int


class BlockIO(TypedDict, total=False):
    """Weights (10..1000) and throttles of block devices."""

    weight: int
    leafWeight: int
    weightDevice: list[WeightDevice]
    throttleReadBpsDevice: list[ThrottleDevice]
    throttleWriteBpsDevice: list[ThrottleDevice]
    throttleReadIOPSDevice: list[ThrottleDevice]
    throttleWriteIOPSDevice: list[ThrottleDevice]


class HugepageLimit(TypedDict):
    """A limit in bytes for huge pages of one size (`2MB`)."""

    pageSize: str
    limit: int


class InterfacePriority(TypedDict):
    """The priority of traffic leaving through one interface."""

    name: str
    priority: int


class NetworkClass(TypedDict, total=False):
    """Marks on traffic; cgroup v1 only."""

    classID: int
    priorities: list[InterfacePriority]


class RdmaLimit(TypedDict, total=False):
    """Handles and objects of one RDMA device."""

    hcaHandles: int
    hcaObjects: int


class LinuxResources(TypedDict, total=False):
    """`linux.resources` of the OCI runtime spec."""

    devices: list[DeviceRule]
    memory: Memory
    cpu: Cpu
    pids: Pids
    blockIO: BlockIO
    hugepageLimits: list[HugepageLimit]
    network: NetworkClass
    rdma: dict[str, RdmaLimit]
    unified: dict[str, str]
