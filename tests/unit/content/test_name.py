"""Member names: cleaned by their letters, never above the root; whiteouts of something."""

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharf.content import name as names
from wharf.content.tar.header import BadArchive


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        (b"a/b", b"a/b"),
        (b"./a//b/", b"a/b"),
        (b"/etc/passwd", b"etc/passwd"),
        (b"a/../b", b"b"),
        (b"/../../b", b"b"),
        (b".", b""),
        (b"/", b""),
        (b"", b""),
        (b"a/.", b"a"),
        (b"...", b"..."),
        (b".a/..b", b".a/..b"),
    ],
)
def test_a_name_is_cleaned_as_go_cleans_it(name: bytes, clean: bytes) -> None:
    assert names.clean(name) == clean


@pytest.mark.parametrize("name", [b"..", b"../a", b"a/../../b", b"./../a"])
def test_a_name_that_leads_above_the_root_is_refused(name: bytes) -> None:
    with pytest.raises(BadArchive, match="outside"):
        names.clean(name)


@given(st.lists(st.sampled_from([b"a", b"b", b".", b"..", b""]), max_size=8))
def test_a_clean_name_is_what_the_path_means(parts: list[bytes]) -> None:
    name = b"/".join(parts)
    try:
        found = names.clean(name)
    except BadArchive:
        assert posixpath.normpath(name).startswith(b"..")
        return
    assert posixpath.normpath(b"/" + found) == posixpath.normpath(b"/" + name.lstrip(b"/"))


@pytest.mark.parametrize("base", [b".wh.", b".wh..", b".wh...", b".wh..wh.", b".wh..wh.plnk"])
def test_a_whiteout_of_nothing_that_has_a_name_is_refused(base: bytes) -> None:
    with pytest.raises(BadArchive, match="whiteout"):
        names.hidden(base)


def test_a_whiteout_hides_what_its_rest_names() -> None:
    assert names.hidden(b".wh.a.b") == b"a.b"
