"""Platforms: their forms, and which of an index fits."""

import pytest

from wharf.errors import InvalidParameter
from wharf.registry.platform import Platform, choose
from wharf.schema.oci import Descriptor
from wharf.schema.oci import Platform as SchemaPlatform


def entry(text: str, **annotations: str) -> Descriptor:
    os, architecture, variant = [*text.split("/"), ""][:3]
    platform = SchemaPlatform(os=os, architecture=architecture, variant=variant)
    return Descriptor(digest=text, platform=platform, annotations=annotations)


def chosen(wanted: str, *offered: str) -> str | None:
    found = choose([entry(text) for text in offered], Platform.parse(wanted))
    return None if found is None else found.digest


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("linux/amd64", "linux/amd64"),
        ("Linux/X86_64", "linux/amd64"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/6", "linux/arm/v6"),
        ("linux/armhf", "linux/arm/v7"),
        ("arm64", "linux/arm64"),
        ("linux/amd64/v3", "linux/amd64/v3"),
        ("windows/amd64", "windows/amd64"),
    ],
)
def test_a_platform_has_one_normal_form(text: str, normal: str) -> None:
    assert str(Platform.parse(text)) == normal


def test_what_is_no_platform_is_refused_in_dockers_words() -> None:
    with pytest.raises(InvalidParameter) as wrong:
        Platform.parse("foo/bar/baz/x")
    assert str(wrong.value) == '"foo/bar/baz/x": cannot parse platform specifier: invalid argument'
    with pytest.raises(InvalidParameter, match="invalid component"):
        Platform.parse("linux/a b")


def test_this_machine_has_a_platform() -> None:
    assert Platform.of_host().os == "linux"
    assert Platform.of_host().architecture in {"amd64", "arm64"}


def test_the_exact_platform_is_chosen() -> None:
    assert chosen("linux/amd64", "linux/arm64", "linux/amd64", "windows/amd64") == "linux/amd64"
    assert chosen("linux/arm64", "linux/arm/v7", "linux/arm64/v8") == "linux/arm64/v8"
    assert chosen("linux/s390x", "linux/amd64") is None
    assert chosen("linux/amd64") is None


def test_an_arm_machine_runs_what_is_older() -> None:
    assert chosen("linux/arm/v7", "linux/arm/v5", "linux/arm/v6") == "linux/arm/v6"
    assert chosen("linux/arm/v6", "linux/arm/v7", "linux/arm/v5") == "linux/arm/v5"


def test_attestations_are_never_an_image() -> None:
    attestation = entry("linux/amd64", **{"vnd.docker.reference.type": "attestation-manifest"})
    assert choose([attestation, Descriptor(digest="no platform")], Platform.parse("linux/amd64")) is None
