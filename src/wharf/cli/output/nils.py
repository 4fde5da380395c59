"""What is empty in the engine's answers, as templates see it: Docker fills them in with its own types.

In JSON a slice, a map and a pointer of Go that hold nothing are all null. Here stands which names are which.
"""

from __future__ import annotations

from wharf.template.values import NilList, NilMap

_LISTS = frozenset(
    [
        "Args",
        "Binds",
        "BlkioDeviceReadBps",
        "BlkioDeviceReadIOps",
        "BlkioDeviceWriteBps",
        "BlkioDeviceWriteIOps",
        "BlkioWeightDevice",
        "CapAdd",
        "CapDrop",
        "Cmd",
        "Devices",
        "DeviceCgroupRules",
        "DeviceRequests",
        "Dns",
        "DnsOptions",
        "DnsSearch",
        "Entrypoint",
        "Env",
        "ExecIDs",
        "ExtraHosts",
        "GroupAdd",
        "Links",
        "MaskedPaths",
        "Mounts",
        "OnBuild",
        "ReadonlyPaths",
        "RepoDigests",
        "RepoTags",
        "SecondaryIPAddresses",
        "SecondaryIPv6Addresses",
        "SecurityOpt",
        "Shell",
        "Ulimits",
        "VolumesFrom",
        "Aliases",
        "DNSNames",
        "Layers",
    ]
)
_MAPS = frozenset(
    [
        "Annotations",
        "Containers",
        "DriverOpts",
        "ExposedPorts",
        "Labels",
        "Networks",
        "Options",
        "Ports",
        "PortBindings",
        "StorageOpt",
        "Sysctls",
        "Tmpfs",
        "Volumes",
    ]
)


def typed(value: object, name: str = "") -> object:
    """Return `value`, found under `name`, with Go's nil slices and maps in the place of null."""
    if value is None:
        return NilList() if name in _LISTS else NilMap() if name in _MAPS else None
    if isinstance(value, dict):
        return {key: typed(each, key) for key, each in value.items()}
    return [typed(each) for each in value] if isinstance(value, list) else value
