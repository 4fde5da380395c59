"""Our routes and structs against the published description of the Engine API 1.51.

The description is read where WHARF_REFERENCE says, or beside the repository; nothing of it is copied here.
"""

import asyncio
import functools
import os
import typing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api_kit import Api, served
from wharf.api.contract import OPERATIONS
from wharf.schema import container, event, exec_, host_config, image, network, oci, system, volume
from wharf.schema.health import Health, HealthcheckResult, HealthConfig
from wharf.schema.struct import members

_HERE = Path(__file__).resolve()
REFERENCE = Path(os.environ.get("WHARF_REFERENCE") or _HERE.parents[4] / "shared" / "reference")
DESCRIPTION = REFERENCE / "api" / "engine-v1.51.yaml"
yaml = pytest.importorskip("yaml", reason="PyYAML reads the description of the API")
if not DESCRIPTION.exists():
    pytest.skip(f"no description of the API at {DESCRIPTION} (WHARF_REFERENCE)", allow_module_level=True)


@functools.cache
def description() -> Any:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(DESCRIPTION.read_text("utf-8"), Loader=loader)


def published() -> list[tuple[str, str]]:
    verbs = {"get", "head", "post", "put", "delete"}
    return [
        (verb.upper(), path)
        for path, operations in description()["paths"].items()
        for verb in operations
        if verb in verbs
    ]


def test_the_table_of_operations_is_the_published_one() -> None:
    assert sorted(OPERATIONS) == sorted(published())


@pytest.fixture(scope="module")
def routed() -> dict[tuple[str, str], bool]:
    """Ask for every published operation once: where no route is, the answer lacks the daemon's headers."""

    async def ask_all() -> dict[tuple[str, str], bool]:
        async with served() as api:
            api.rooms.events.queue.put_nowait(None)
            api.rooms.containers.exit.set_result(container.WaitResponse())
            return {operation: await is_routed(api, *operation) for operation in published()}

    async def is_routed(api: Api, method: str, path: str) -> bool:
        async with api.connect() as client:
            client.send(method, path.replace("{id}", "c1").replace("{name}", "x/y"))
            head = await client.head()
            return head.status != 404 or "Server" in head.headers

    return asyncio.run(ask_all())


@pytest.mark.parametrize("operation", published(), ids=" ".join)
def test_every_published_operation_has_a_route(
    routed: dict[tuple[str, str], bool], operation: tuple[str, str]
) -> None:
    assert routed[operation]


class Shape(typing.NamedTuple):
    """A struct, where it is described, and what differs on purpose."""

    struct: type[msgspec.Struct]
    place: str
    not_published: frozenset[str] = frozenset()
    """Members that dockerd has and the description lacks."""


def shape(struct: type[msgspec.Struct], place: str, *, plus: str = "") -> Shape:
    return Shape(struct, place, frozenset(plus.split()))


_EXEC = "paths./containers/{id}/exec.post.parameters.0.schema"
SHAPES = [
    shape(container.ContainerConfig, "ContainerConfig"),
    shape(container.ContainerCreateResponse, "ContainerCreateResponse"),
    shape(container.ContainerState, "ContainerState"),
    shape(container.ContainerInspect, "ContainerInspectResponse"),
    shape(container.ContainerSummary, "ContainerSummary"),
    shape(container.MountPoint, "MountPoint"),
    shape(container.Port, "Port"),
    shape(container.DriverData, "DriverData"),
    shape(container.WaitResponse, "ContainerWaitResponse"),
    shape(container.WaitError, "ContainerWaitExitError"),
    shape(container.ContainerTop, "ContainerTopResponse"),
    shape(container.FilesystemChange, "FilesystemChange"),
    shape(HealthConfig, "HealthConfig"),
    shape(Health, "Health"),
    shape(HealthcheckResult, "HealthcheckResult"),
    shape(host_config.HostConfig, "HostConfig", plus="KernelMemory"),
    shape(host_config.RestartPolicy, "RestartPolicy"),
    shape(host_config.PortBinding, "PortBinding"),
    shape(host_config.DeviceMapping, "DeviceMapping"),
    shape(host_config.DeviceRequest, "DeviceRequest"),
    shape(host_config.ThrottleDevice, "ThrottleDevice"),
    shape(host_config.Mount, "Mount", plus="ClusterOptions"),
    shape(host_config.BindOptions, "definitions.Mount.properties.BindOptions"),
    shape(host_config.VolumeOptions, "definitions.Mount.properties.VolumeOptions"),
    shape(host_config.TmpfsOptions, "definitions.Mount.properties.TmpfsOptions"),
    shape(exec_.ExecConfig, _EXEC),
    shape(exec_.ExecStartConfig, "paths./exec/{id}/start.post.parameters.0.schema"),
    shape(exec_.ExecInspect, "paths./exec/{id}/json.get.responses.200.schema"),
    shape(exec_.ProcessConfig, "ProcessConfig"),
    shape(exec_.ExecCreateResponse, "IDResponse"),
    shape(event.EventMessage, "EventMessage", plus="status id from"),
    shape(event.EventActor, "EventActor"),
    shape(image.ImageConfig, "ImageConfig"),
    shape(image.ImageInspect, "ImageInspect"),
    shape(image.ImageSummary, "ImageSummary"),
    shape(image.ManifestSummary, "ImageManifestSummary"),
    shape(image.ImageDeleteItem, "ImageDeleteResponseItem"),
    shape(image.HistoryItem, "paths./images/{name}/history.get.responses.200.schema.items"),
    shape(image.ErrorDetail, "ErrorDetail"),
    shape(oci.Descriptor, "OCIDescriptor"),
    shape(oci.Platform, "OCIPlatform"),
    shape(network.NetworkInspect, "Network"),
    shape(network.NetworkContainer, "NetworkContainer"),
    shape(network.NetworkSettings, "NetworkSettings"),
    shape(network.EndpointSettings, "EndpointSettings"),
    shape(network.EndpointIPAMConfig, "EndpointIPAMConfig"),
    shape(network.Address, "Address"),
    shape(network.IPAM, "IPAM"),
    shape(network.IPAMConfig, "IPAMConfig"),
    shape(network.ConfigReference, "ConfigReference"),
    shape(network.PeerInfo, "PeerInfo"),
    shape(network.NetworkCreateResponse, "NetworkCreateResponse"),
    shape(network.NetworkCreateRequest, "paths./networks/create.post.parameters.0.schema"),
    shape(network.NetworkConnectRequest, "paths./networks/{id}/connect.post.parameters.1.schema"),
    shape(network.NetworkDisconnectRequest, "paths./networks/{id}/disconnect.post.parameters.1.schema"),
    shape(volume.Volume, "Volume"),
    shape(volume.VolumeUsage, "definitions.Volume.properties.UsageData"),
    shape(volume.VolumeList, "VolumeListResponse"),
    shape(volume.VolumeCreateRequest, "VolumeCreateOptions"),
    shape(system.SystemVersion, "SystemVersion"),
    shape(system.SystemInfo, "SystemInfo", plus="KernelMemory SystemStatus"),
    shape(system.PluginsInfo, "PluginsInfo"),
    shape(system.RegistryConfig, "RegistryServiceConfig"),
    shape(system.IndexInfo, "IndexInfo"),
    shape(system.RuntimeInfo, "Runtime", plus="type options"),
    shape(system.Commit, "Commit"),
    shape(system.SwarmInfo, "SwarmInfo", plus="Warnings"),
    shape(system.PeerNode, "PeerNode"),
    shape(system.FirewallInfo, "FirewallInfo"),
    shape(system.DeviceInfo, "DeviceInfo"),
    shape(system.ContainerdInfo, "ContainerdInfo"),
    shape(system.BuildCache, "BuildCache"),
    shape(system.DiskUsage, "paths./system/df.get.responses.200.schema"),
    shape(system.ErrorResponse, "ErrorResponse"),
]


def schema_at(place: str) -> Any:
    if "." not in place:
        return description()["definitions"][place]
    schema = description()
    for step in place.split("."):
        is_number = isinstance(schema, list) or step == "200"
        schema = schema[int(step) if is_number else step]
    return resolved(schema)


def resolved(schema: Any) -> Any:
    if "$ref" in schema:
        return resolved(schema_at(schema["$ref"].rpartition("/")[2]))
    return schema


def properties(schema: Any) -> dict[str, Any]:
    """Return the members of an object with those of everything it is made of."""
    schema = resolved(schema)
    found: dict[str, Any] = {}
    for part in schema.get("allOf", ()):
        found |= properties(part)
    found |= schema.get("properties", {})
    return found


@pytest.mark.parametrize("known", SHAPES, ids=lambda known: known.struct.__name__)
def test_a_struct_has_the_published_members_and_no_other(known: Shape) -> None:
    ours = frozenset(members(known.struct))
    theirs = frozenset(properties(schema_at(known.place)))
    assert (ours - theirs, theirs - ours) == (known.not_published, frozenset())


_KINDS: dict[Any, set[str]] = {
    str: {"string"},
    int: {"integer", "number"},
    float: {"number"},
    bool: {"boolean"},
    list: {"array"},
    tuple: {"array"},
    dict: {"object"},
}


def kinds_of(hint: Any) -> set[str]:
    """Return the JSON types a Python type stands for."""
    arguments = [each for each in typing.get_args(hint) if each is not type(None)]
    if type(None) in typing.get_args(hint):
        return kinds_of(arguments[0])
    if hint is object:
        return {"object"}
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return {"object"}
    return _KINDS[typing.get_origin(hint) or hint]


@pytest.mark.parametrize("known", SHAPES, ids=lambda known: known.struct.__name__)
def test_a_member_has_the_published_type(known: Shape) -> None:
    hints = typing.get_type_hints(known.struct)
    published_members = properties(schema_at(known.place))
    wrong = {}
    for name, attribute in members(known.struct).items():
        if name not in published_members:
            continue
        schema = resolved(published_members[name])
        published_type = "object" if "allOf" in schema or "properties" in schema else schema.get("type")
        if published_type is not None and published_type not in kinds_of(hints[attribute]):
            wrong[name] = (published_type, hints[attribute])
    assert wrong == {}
