"""Layouts of cgroup hierarchies, and paths that may name a cgroup."""

import errno
from pathlib import Path

import pytest

from wharf.linux.cgroup import Mounts
from wharf.linux.cgroup.mounts import check_path

V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
SYSTEMD = "32 30 0:28 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
CPU = "33 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
MEMORY = "34 30 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
OTHER_MEMORY = "44 30 0:30 / /mnt/memory rw - cgroup cgroup rw,memory\n"
ELOGIND = "35 30 0:31 / /sys/fs/cgroup/elogind rw - cgroup cgroup rw,name=elogind\n"
UNIFIED = "36 30 0:32 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
SPACE = "37 30 0:33 / /my\\040cgroups/pids rw - cgroup cgroup rw,pids\n"
OTHERS = "22 27 0:21 / /proc rw,relatime - proc proc rw\n31 23 0:28 / /cgroup rw - tmpfs tmpfs rw\n"


def _read(tmp_path: Path, *lines: str) -> Mounts:
    file = tmp_path / "mountinfo"
    file.write_text("".join(lines))
    return Mounts.read(str(file))


def test_a_unified_tree_alone_is_v2(tmp_path: Path) -> None:
    mounts = _read(tmp_path, OTHERS, V2)
    assert (mounts.mode, mounts.unified, mounts.controllers) == ("v2", "/sys/fs/cgroup", {})


def test_systemds_hierarchy_beside_the_unified_tree_is_still_v2(tmp_path: Path) -> None:
    assert _read(tmp_path, V2, SYSTEMD).mode == "v2"


def test_controllers_mounted_together_share_a_mount_point(tmp_path: Path) -> None:
    mounts = _read(tmp_path, OTHERS, CPU, MEMORY)
    point = "/sys/fs/cgroup/cpu,cpuacct"
    assert mounts.controllers == {"cpu": point, "cpuacct": point, "memory": "/sys/fs/cgroup/memory"}
    assert mounts.mode == "v1"


def test_controllers_on_v1_with_an_empty_unified_tree_are_v1(tmp_path: Path) -> None:
    mounts = _read(tmp_path, CPU, UNIFIED)
    assert (mounts.mode, mounts.unified) == ("v1", "/sys/fs/cgroup/unified")


def test_the_first_mount_of_a_hierarchy_counts(tmp_path: Path) -> None:
    assert _read(tmp_path, MEMORY, OTHER_MEMORY).controllers == {"memory": "/sys/fs/cgroup/memory"}


def test_named_hierarchies_other_than_systemds_are_not_joined(tmp_path: Path) -> None:
    assert list(_read(tmp_path, SYSTEMD, ELOGIND, MEMORY).controllers) == ["name=systemd", "memory"]


def test_a_space_in_a_mount_point_is_unescaped(tmp_path: Path) -> None:
    assert _read(tmp_path, SPACE).controllers == {"pids": "/my cgroups/pids"}


def test_a_host_without_cgroups_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no cgroup hierarchy is mounted"):
        _read(tmp_path, OTHERS)


@pytest.mark.parametrize("path", ["/docker/abc", "/a", "/a.b/c-d/..e"])
def test_plain_absolute_paths_are_taken(path: str) -> None:
    assert check_path(path) == path


@pytest.mark.parametrize(
    "path",
    ["", "/", "docker/abc", "/docker/", "//docker", "/docker/../x", "/..", "/./a", "/a\nb", "/a\0b", "a:b:c"],
)
def test_paths_that_could_lead_elsewhere_are_refused(path: str) -> None:
    with pytest.raises(OSError, match="Invalid argument") as caught:
        check_path(path)
    assert caught.value.errno == errno.EINVAL
