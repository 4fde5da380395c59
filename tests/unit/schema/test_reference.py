"""Image references: the grammar, the defaults and Docker's words."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharf.errors import InvalidParameter
from wharf.schema.digest import Digest
from wharf.schema.reference import InvalidReference, Reference

HEX = "ab" * 32
DIGEST = f"sha256:{HEX}"


@pytest.mark.parametrize(
    ("text", "whole", "familiar"),
    [
        ("busybox", "docker.io/library/busybox", "busybox"),
        ("busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"),
        ("user/app", "docker.io/user/app", "user/app"),
        ("docker.io/busybox", "docker.io/library/busybox", "busybox"),
        ("index.docker.io/busybox:x", "docker.io/library/busybox:x", "busybox:x"),
        ("index.docker.io/user/app", "docker.io/user/app", "user/app"),
        ("docker.io/library/a/b", "docker.io/library/a/b", "library/a/b"),
        ("localhost/app", "localhost/app", "localhost/app"),
        ("localhost:5000/app:v1", "localhost:5000/app:v1", "localhost:5000/app:v1"),
        ("[::1]:5000/app", "[::1]:5000/app", "[::1]:5000/app"),
        ("Host/app", "Host/app", "Host/app"),
        ("a__b", "docker.io/library/a__b", "a__b"),
        ("a--b.c_d", "docker.io/library/a--b.c_d", "a--b.c_d"),
        (f"app@{DIGEST}", f"docker.io/library/app@{DIGEST}", f"app@{DIGEST}"),
        (f"r.io/app:t@{DIGEST}", f"r.io/app:t@{DIGEST}", f"r.io/app:t@{DIGEST}"),
    ],
)
def test_a_name_gets_its_defaults_and_is_shown_without_them(text: str, whole: str, familiar: str) -> None:
    reference = Reference.parse(text)
    assert str(reference) == whole
    assert reference.familiar == familiar


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "invalid reference format"),
        ("Foo", "invalid reference format: repository name (library/Foo) must be lowercase"),
        ("foo/Bar:x", "invalid reference format: repository name (foo/Bar) must be lowercase"),
        ("a:b:c", "invalid reference format"),
        ("-x", "invalid reference format"),
        ("x-", "invalid reference format"),
        ("a___b", "invalid reference format"),
        ("foo//bar", "invalid reference format"),
        ("foo/../bar", "invalid reference format"),
        ("/foo", "invalid reference format"),
        ("foo\n", "invalid reference format"),
        ("fo\u0131", "invalid reference format"),
        ("foo:\u0661", "invalid reference format"),
        ("foo:" + "a" * 129, "invalid reference format"),
        ("foo@bar", "invalid reference format"),
        ("foo@sha256:abc", "invalid reference format"),
        (f"foo@sha256:{HEX.upper()}", "invalid checksum digest format"),
        (f"foo@sha512:{HEX}", "unsupported digest algorithm"),
        ("a" * 256, "repository name must not be more than 255 characters"),
        (HEX, f"invalid repository name ({HEX}), cannot specify 64-byte hexadecimal strings"),
    ],
)
def test_what_is_no_reference_is_refused_in_dockers_words(text: str, words: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        Reference.parse(text)
    assert str(caught.value) == words


def test_a_path_of_255_characters_is_the_longest() -> None:
    assert len(Reference.parse("x/" + "a" * 253).path) == 255
    with pytest.raises(InvalidReference):
        Reference.parse("x/" + "a" * 254)


def test_only_a_bare_name_is_given_the_tag_latest() -> None:
    assert Reference.parse("app").tagged().tag == "latest"
    assert Reference.parse("app:x").tagged().tag == "x"
    assert Reference.parse(f"app@{DIGEST}").tagged().tag is None


def test_a_tag_replaces_tag_and_digest() -> None:
    assert Reference.parse(f"app:x@{DIGEST}").with_tag("y").familiar == "app:y"
    with pytest.raises(InvalidReference, match=r"^invalid tag format$"):
        Reference.parse("app").with_tag("-y")


def test_a_digest_replaces_the_tag() -> None:
    assert Reference.parse("app:x").with_digest(Digest(DIGEST)).familiar == f"app@{DIGEST}"
    assert Reference.parse(f"app:x@{DIGEST}").trimmed().familiar == "app"


@given(st.from_regex(r"[a-zA-Z0-9._:/@\[\]-]{1,80}", fullmatch=True))
def test_an_accepted_reference_reads_back_equal_in_both_forms(text: str) -> None:
    try:
        reference = Reference.parse(text)
    except InvalidParameter:
        return
    assert Reference.parse(str(reference)) == reference
    assert Reference.parse(reference.familiar) == reference


@given(st.text())
def test_any_text_is_either_a_reference_or_an_invalid_parameter(text: str) -> None:
    try:
        reference = Reference.parse(text)
    except InvalidParameter:
        return
    assert ".." not in str(reference).split("/")
    assert str(reference).isascii()


@pytest.mark.parametrize("part", ["a", "a-", "a.", "a_", "a/", "[:", "a:", "A", "-", "0"])
def test_a_hostile_length_is_refused_at_once(part: str) -> None:
    begin = time.monotonic()
    with pytest.raises(InvalidParameter):
        Reference.parse(part * 50_000)
    assert time.monotonic() - begin < 0.05
