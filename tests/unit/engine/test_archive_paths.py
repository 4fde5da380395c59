"""The paths of `cp`."""

import pytest

from wharf.engine.containers.archive import absolute


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a/b", "/a/b"),
        ("a", "/a"),
        ("a/", "/a/"),
        ("/a/.", "/a/."),
        ("/a/./", "/a/"),
        ("/a/..", "/"),
        ("/a/../..", "/"),
        ("//a//b", "/a/b"),
        (".", "/."),
        ("/", "/"),
        ("//", "/"),
        ("/a/b/../.", "/a/."),
    ],
)
def test_a_path_is_made_absolute_and_keeps_its_end(path: str, expected: str) -> None:
    assert absolute(path) == expected
