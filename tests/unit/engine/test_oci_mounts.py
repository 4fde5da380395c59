"""What mount points come to in an OCI configuration."""

import pytest

from wharf.engine.containers.mounts.point import MountPoint
from wharf.engine.containers.oci import mounts
from wharf.errors import Internal
from wharf.runtime.spec import Mount as OCIMount
from wharf.schema.host_config import BindOptions


def _point(**fields: object) -> MountPoint:
    return MountPoint(**{"type": "bind", "destination": "/d", "source": "/s", **fields})  # type: ignore[arg-type]


def test_a_bind_is_private_and_writable_unless_told_otherwise() -> None:
    assert mounts.bound(_point(), "/s") == {
        "destination": "/d",
        "type": "bind",
        "source": "/s",
        "options": ["rbind", "rprivate"],
    }


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (BindOptions(), ["rbind", "rro", "rshared"]),
        (BindOptions(non_recursive=True), ["bind", "rro", "rshared"]),
        (BindOptions(read_only_non_recursive=True), ["rbind", "ro", "rshared"]),
        (BindOptions(read_only_force_recursive=True), ["rbind", "rro", "rshared"]),
    ],
)
def test_a_readonly_bind_is_so_with_all_below_unless_told_otherwise(
    options: BindOptions, words: list[str]
) -> None:
    point = _point(readonly=True, propagation="rshared", bind=options)
    assert mounts.bound(point, "/s")["options"] == words


def test_readonly_cannot_be_both_recursive_and_not() -> None:
    both = BindOptions(read_only_non_recursive=True, read_only_force_recursive=True)
    with pytest.raises(Internal, match="mount options conflict"):
        mounts.bound(_point(readonly=True, bind=both), "/s")


def test_a_part_of_a_source_is_found_by_the_runtime() -> None:
    assert mounts.bound(_point(subpath="a/b"), "/s")["subpath"] == "a/b"


@pytest.mark.parametrize(
    ("asked", "propagation"),
    [
        ({"rprivate"}, None),
        ({"rslave", "rprivate"}, "slave"),
        ({"slave", "rshared"}, "shared"),
        (set[str](), None),
    ],
)
def test_a_root_lets_through_what_its_mounts_share(asked: set[str], propagation: str | None) -> None:
    assert mounts.root_propagation(asked) == propagation


def test_a_user_mount_replaces_the_default_one() -> None:
    standard: list[OCIMount] = [{"destination": "/proc"}, {"destination": "/dev/shm"}]
    assert mounts.overlay(standard, [{"destination": "/dev/shm", "type": "bind"}]) == [
        {"destination": "/proc"},
        {"destination": "/dev/shm", "type": "bind"},
    ]


def test_a_user_dev_takes_everything_below_it_away() -> None:
    standard: list[OCIMount] = [
        {"destination": "/proc"},
        {"destination": "/dev"},
        {"destination": "/dev/pts"},
    ]
    assert mounts.overlay(standard, [{"destination": "/dev", "type": "bind"}]) == [
        {"destination": "/proc"},
        {"destination": "/dev", "type": "bind"},
    ]
