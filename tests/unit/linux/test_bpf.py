"""Device programs, run by an interpreter of our own."""

import pytest

from filter_kit import DeviceMachine
from wharf.linux import bpf

EXCEPTIONS = [("c", 1, 3, "rw"), ("c", 136, -1, "rwm"), ("b", -1, -1, "m"), ("b", 8, 0, "r")]
DENYING = DeviceMachine(bpf.device_program(False, EXCEPTIONS))
ALLOWING = DeviceMachine(bpf.device_program(True, EXCEPTIONS))


@pytest.mark.parametrize(
    ("kind", "major", "minor", "access"),
    [
        ("c", 1, 3, "r"),
        ("c", 1, 3, "rw"),
        ("c", 136, 0, "rwm"),
        ("c", 136, 1048575, "w"),
        ("b", 259, 7, "m"),
        ("b", 8, 0, "r"),
    ],
)
def test_what_an_exception_covers_is_allowed(kind: str, major: int, minor: int, access: str) -> None:
    assert DENYING.allows(kind, major, minor, access)


@pytest.mark.parametrize(
    ("kind", "major", "minor", "access"),
    [
        ("c", 1, 3, "m"),
        ("c", 1, 3, "rm"),
        ("b", 1, 3, "r"),
        ("c", 1, 4, "r"),
        ("c", 2, 3, "r"),
        ("b", 259, 7, "r"),
        ("b", 8, 0, "rm"),
    ],
)
def test_what_no_single_exception_covers_is_denied(kind: str, major: int, minor: int, access: str) -> None:
    assert not DENYING.allows(kind, major, minor, access)


@pytest.mark.parametrize(
    ("kind", "major", "minor", "access"),
    [("c", 1, 3, "r"), ("c", 1, 3, "rm"), ("c", 136, 5, "m"), ("b", 8, 0, "rw")],
)
def test_where_all_is_allowed_an_exception_that_is_touched_denies(
    kind: str, major: int, minor: int, access: str
) -> None:
    assert not ALLOWING.allows(kind, major, minor, access)


@pytest.mark.parametrize(
    ("kind", "major", "minor", "access"),
    [("c", 1, 3, "m"), ("c", 1, 4, "rwm"), ("b", 8, 0, "w"), ("b", 8, 1, "rw")],
)
def test_where_all_is_allowed_the_rest_is(kind: str, major: int, minor: int, access: str) -> None:
    assert ALLOWING.allows(kind, major, minor, access)
