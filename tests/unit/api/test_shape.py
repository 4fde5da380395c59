"""What older clients are shown; every difference was seen on dockerd 28.5."""

from typing import Any

import msgspec
import pytest

from wharf.api import shape
from wharf.schema.container import ContainerInspect, ContainerSummary, SummaryHostConfig
from wharf.schema.image import ImageConfig, ImageInspect, ImageSummary
from wharf.schema.network import Endpoints, EndpointSettings, NetworkSettings
from wharf.schema.oci import Descriptor
from wharf.schema.struct import encode
from wharf.schema.system import (
    Commit,
    ContainerdInfo,
    DiskUsage,
    FirewallInfo,
    RegistryConfig,
    RuntimeInfo,
    SystemInfo,
)


def document(value: object) -> Any:
    return msgspec.json.decode(encode(value))


@pytest.mark.parametrize(("version", "shown"), [(48, True), (47, False)])
def test_the_manifest_of_a_container_is_shown_since_1_48(version: int, *, shown: bool) -> None:
    descriptor = Descriptor(digest="sha256:1")
    listed = document(shape.container_list([ContainerSummary(image_manifest_descriptor=descriptor)], version))
    inspected = document(
        shape.container_inspect(ContainerInspect(image_manifest_descriptor=descriptor), version)
    )
    assert ("ImageManifestDescriptor" in listed[0], "ImageManifestDescriptor" in inspected) == (shown, shown)


@pytest.mark.parametrize(("version", "expected"), [(46, {"Annotations": {"a": "b"}}), (45, {})])
def test_a_list_shows_annotations_since_1_46(version: int, expected: dict[str, object]) -> None:
    container = ContainerSummary(host_config=SummaryHostConfig(annotations={"a": "b"}))
    assert document(shape.container_list([container], version))[0]["HostConfig"] == expected


@pytest.mark.parametrize(("version", "aliases"), [(45, None), (44, ["111111111111"])])
def test_the_short_id_is_an_alias_before_1_45(version: int, aliases: list[str] | None) -> None:
    networks: Endpoints = {"mine": EndpointSettings(), "bridge": EndpointSettings()}
    found = ContainerInspect(id="1" * 64, network_settings=NetworkSettings(networks=networks))
    shown = document(shape.container_inspect(found, version))["NetworkSettings"]["Networks"]
    assert (shown["mine"]["Aliases"], shown["bridge"]["Aliases"]) == (aliases, None)


IMAGE = ImageSummary(id="sha256:1", repo_tags=["b:latest"], size=7, containers=2)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (51, {"Containers": 2, "RepoDigests": []}),
        (50, {"Containers": -1, "RepoDigests": []}),
        (43, {"Containers": -1, "RepoDigests": [], "VirtualSize": 7}),
        (42, {"Containers": -1, "RepoDigests": None, "VirtualSize": 7}),
    ],
)
def test_images_have_the_members_of_their_version(version: int, expected: dict[str, object]) -> None:
    (shown,) = document(shape.image_list([IMAGE], version))
    assert {
        key: shown[key] for key in ("Containers", "RepoDigests", "VirtualSize") if key in shown
    } == expected


@pytest.mark.parametrize(("version", "names"), [(43, ([], [])), (42, (["<none>:<none>"], ["<none>@<none>"]))])
def test_an_image_without_names_is_none_before_1_43(version: int, names: tuple[list[str], list[str]]) -> None:
    (shown,) = document(shape.image_list([ImageSummary(id="sha256:1")], version))
    assert (shown["RepoTags"], shown["RepoDigests"]) == names


def test_an_images_config_has_the_members_of_a_containers_before_1_50() -> None:
    image = ImageInspect(config=ImageConfig(cmd=["sh"]))
    now = document(shape.image_inspect(image, 50))["Config"]
    then = document(shape.image_inspect(image, 49))["Config"]
    assert now.items() <= then.items()
    assert then.keys() - now.keys() == {
        "Hostname", "Domainname", "AttachStdin", "AttachStdout", "AttachStderr", "Tty", "OpenStdin",
        "StdinOnce", "Image",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("version", "added"),
    [
        (49, set()),
        (45, set()),
        (44, {"ContainerConfig"}),
        (43, {"ContainerConfig", "VirtualSize", "Created"}),
    ],
)
def test_an_image_has_what_it_had(version: int, added: set[str]) -> None:
    image = ImageInspect(size=7)
    assert document(shape.image_inspect(image, version)).keys() - document(image).keys() == added


INFO = SystemInfo(
    memory_limit=True,
    registry_config=RegistryConfig(),
    runtimes={"runc": RuntimeInfo(path="runc", status={"a": "b"})},
    firewall_backend=FirewallInfo(driver="iptables"),
    containerd=ContainerdInfo(address="/a"),
    runc_commit=Commit(id="c1"),
)
BRIDGE_NF = {"BridgeNfIptables", "BridgeNfIp6tables"}


@pytest.mark.parametrize(
    ("version", "added", "gone"),
    [
        (51, set(), set()),
        (50, set(), set()),
        (49, BRIDGE_NF, set()),
        (48, BRIDGE_NF, {"FirewallBackend"}),
        (45, BRIDGE_NF, {"FirewallBackend", "Containerd"}),
        (41, BRIDGE_NF | {"KernelMemory"}, {"FirewallBackend", "Containerd"}),
    ],
)
def test_info_has_the_members_of_its_version(version: int, added: set[str], gone: set[str]) -> None:
    shown, newest = document(shape.info(INFO, version)), document(INFO)
    assert (shown.keys() - newest.keys(), newest.keys() - shown.keys()) == (added, gone)


def test_info_has_the_inner_members_of_its_version() -> None:
    assert document(shape.info(INFO, 48))["RuncCommit"] == {"ID": "c1", "Expected": "c1"}
    assert document(shape.info(INFO, 49))["RuncCommit"] == {"ID": "c1"}
    assert "AllowNondistributableArtifactsCIDRs" in document(shape.info(INFO, 46))["RegistryConfig"]
    assert "AllowNondistributableArtifactsCIDRs" not in document(shape.info(INFO, 47))["RegistryConfig"]
    assert document(shape.info(INFO, 43))["Runtimes"] == {"runc": {"path": "runc"}}


@pytest.mark.parametrize(("version", "shown"), [(44, False), (43, True)])
def test_disk_usage_has_a_virtual_size_before_1_44(version: int, *, shown: bool) -> None:
    usage = document(shape.disk_usage(DiskUsage(images=[IMAGE]), version))
    assert ("VirtualSize" in usage["Images"][0]) is shown
