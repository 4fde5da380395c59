"""Answers in the shape of the version asked for: what older clients expect to find, or not to find.

Only differences that clients of 1.40 and later can notice; all of them were seen on dockerd 28.5.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from wharf.schema.container import ContainerInspect, ContainerSummary
from wharf.schema.image import ImageInspect, ImageSummary
from wharf.schema.system import DiskUsage, SystemInfo
from wharf.schema.timestamp import ZERO

Document = dict[str, Any]

_PREDEFINED: Final = frozenset({"bridge", "host", "none", "default"})
_NONE: Final = "<none>"

_RUN_FIELDS: Final[Document] = {
    "Hostname": "",
    "Domainname": "",
    "AttachStdin": False,
    "AttachStdout": False,
    "AttachStderr": False,
    "Tty": False,
    "OpenStdin": False,
    "StdinOnce": False,
    "Image": "",
}
"""Members of a container's config that images once showed, always empty."""

_EMPTY_CONFIG: Final[Document] = _RUN_FIELDS | dict.fromkeys(
    ("Cmd", "Entrypoint", "Env", "Labels", "OnBuild", "Volumes")
) | {"User": "", "WorkingDir": ""}  # fmt: skip


def container_list(containers: Sequence[ContainerSummary], version: int) -> object:
    """Return the answer of `GET /containers/json`."""
    if version >= 48:
        return containers
    changes: dict[str, Any] = {"image_manifest_descriptor": None}
    shaped = []
    for each in containers:
        if version < 46 and each.host_config.annotations:
            changes["host_config"] = msgspec.structs.replace(each.host_config, annotations={})
        else:
            changes["host_config"] = each.host_config
        shaped.append(msgspec.structs.replace(each, **changes))
    return shaped


def container_inspect(found: ContainerInspect, version: int) -> object:
    """Return the answer of `GET /containers/{id}/json`."""
    if version >= 48:
        return found
    found = msgspec.structs.replace(found, image_manifest_descriptor=None)
    settings = found.network_settings
    if version >= 45 or settings is None:
        return found
    networks = {
        name: endpoint
        if endpoint is None or name in _PREDEFINED
        else msgspec.structs.replace(endpoint, aliases=[*(endpoint.aliases or ()), found.id[:12]])
        for name, endpoint in (settings.networks or {}).items()
    }
    return msgspec.structs.replace(
        found, network_settings=msgspec.structs.replace(settings, networks=networks)
    )


def image_list(images: Sequence[ImageSummary], version: int) -> object:
    """Return the answer of `GET /images/json`."""
    return images if version >= 51 else [_image_summary(each, version) for each in images]


def _image_summary(image: ImageSummary, version: int) -> Document:
    changes: dict[str, Any] = {"containers": -1}
    if version < 48:
        changes["descriptor"] = None
    if version < 47:
        changes["manifests"] = []
    document: Document = msgspec.to_builtins(msgspec.structs.replace(image, **changes))
    if version < 44:
        document["VirtualSize"] = image.size
    if version < 43:
        if not image.repo_tags and not image.repo_digests:
            document["RepoTags"] = [f"{_NONE}:{_NONE}"]
            document["RepoDigests"] = [f"{_NONE}@{_NONE}"]
        else:
            document["RepoDigests"] = image.repo_digests or None
    return document


def image_inspect(image: ImageInspect, version: int) -> object:
    """Return the answer of `GET /images/{name}/json`."""
    if version >= 50:
        return image
    if version < 48:
        image = msgspec.structs.replace(image, descriptor=None, manifests=[])
    document: Document = msgspec.to_builtins(image)
    if document["Config"] is not None:
        document["Config"] = _RUN_FIELDS | document["Config"]
    if version < 45:
        document["ContainerConfig"] = _EMPTY_CONFIG
    if version < 44:
        document["VirtualSize"] = image.size
        document.setdefault("Created", ZERO)
    return document


def info(system: SystemInfo, version: int) -> object:
    """Return the answer of `GET /info`."""
    if version >= 50:
        return system
    document: Document = msgspec.to_builtins(system)
    document.pop("DiscoveredDevices", None)
    document |= {"BridgeNfIptables": False, "BridgeNfIp6tables": False}
    if version < 49:
        document.pop("FirewallBackend", None)
        for name in ("ContainerdCommit", "RuncCommit", "InitCommit"):
            if document[name]["ID"]:
                document[name]["Expected"] = document[name]["ID"]
    if version < 47 and document["RegistryConfig"] is not None:
        document["RegistryConfig"]["AllowNondistributableArtifactsCIDRs"] = None
        document["RegistryConfig"]["AllowNondistributableArtifactsHostnames"] = None
    if version < 46:
        document.pop("Containerd", None)
    if version < 44:
        for runtime in (document["Runtimes"] or {}).values():
            runtime.pop("status", None)
    if version < 42:
        document["KernelMemory"] = system.memory_limit
    return document


def disk_usage(usage: DiskUsage, version: int) -> object:
    """Return the answer of `GET /system/df`."""
    if version >= 44:
        return usage
    document: Document = msgspec.to_builtins(usage)
    for image in document["Images"] or ():
        image["VirtualSize"] = image["Size"]
    return document
