"""Image names are read by the distribution grammar and written as users write them."""

import pytest

from wharf.cli.errors import CliError
from wharf.cli.reference import parse


@pytest.mark.parametrize(
    ("text", "domain", "path", "tag", "familiar"),
    [
        ("busybox", "docker.io", "library/busybox", "", "busybox"),
        ("busybox:1.36", "docker.io", "library/busybox", "1.36", "busybox:1.36"),
        ("docker.io/busybox", "docker.io", "library/busybox", "", "busybox"),
        ("index.docker.io/library/busybox", "docker.io", "library/busybox", "", "busybox"),
        ("user/app:v1", "docker.io", "user/app", "v1", "user/app:v1"),
        ("localhost/app", "localhost", "app", "", "localhost/app"),
        ("localhost:5000/a/b:x", "localhost:5000", "a/b", "x", "localhost:5000/a/b:x"),
        ("example.com/a__b/c-d.e", "example.com", "a__b/c-d.e", "", "example.com/a__b/c-d.e"),
        ("[::1]:5000/a", "[::1]:5000", "a", "", "[::1]:5000/a"),
        ("Up.example/a", "Up.example", "a", "", "Up.example/a"),
    ],
)
def test_names_are_taken_apart(text: str, domain: str, path: str, tag: str, familiar: str) -> None:
    reference = parse(text)
    assert (reference.domain, reference.path, reference.tag) == (domain, path, tag)
    assert reference.familiar == familiar


def test_a_digest_is_kept() -> None:
    digest = "sha256:" + "0" * 64
    reference = parse(f"busybox:1@{digest}")
    assert (reference.tag, reference.digest) == ("1", digest)
    assert reference.with_default_tag() is reference


def test_a_name_without_tag_means_the_latest() -> None:
    assert parse("busybox").with_default_tag().familiar == "busybox:latest"


@pytest.mark.parametrize(
    "text",
    ["", "a..b", "-a", "a-", "a___b", "a:b:c", "a/", "/a", "a@sha256:1", "a:" + "x" * 129, "a b", ":x"],
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(CliError, match="invalid reference format"):
        parse(text)


def test_capitals_are_refused_with_the_name() -> None:
    with pytest.raises(CliError, match=r"repository name \(library/BAD\) must be lowercase"):
        parse("BAD")


def test_an_image_id_is_no_name() -> None:
    with pytest.raises(CliError, match="cannot specify 64-byte hexadecimal strings"):
        parse("0" * 64)
