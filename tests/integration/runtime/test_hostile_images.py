"""Images that lay out traps where the runtime mounts, masks and opens: nothing leads outside."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime_kit import Box, Output, mount, spec_of
from wharf.runtime import CreateFailed
from wharf.runtime.spec import Spec


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A folder of the host with a marker, which must be untouched afterwards."""
    folder = tmp_path / "outside"
    (folder / "proc").mkdir(parents=True)
    (folder / "marker").write_text("untouched")
    before = snapshot(folder)
    yield folder
    assert snapshot(folder) == before


def snapshot(folder: Path) -> list[tuple[str, int, int, int]]:
    return sorted(
        (str(path), status.st_ino, status.st_mode, status.st_mtime_ns)
        for path in (folder, *folder.rglob("*"))
        for status in [path.lstat()]
    )


def replace(box: Box, path: str, target: Path | str) -> None:
    """Make `path` of the image a link."""
    (box.upper / path).parent.mkdir(parents=True, exist_ok=True)
    (box.upper / path).symlink_to(target)


@pytest.mark.parametrize("name", ["proc", "sys"])
def test_proc_and_sys_that_are_links_are_refused(box: Box, outside: Path, name: str) -> None:
    """CVE-2019-16884, CVE-2019-19921."""
    replace(box, name, outside / "proc")
    kind = {"proc": "proc", "sys": "sysfs"}[name]
    with pytest.raises(CreateFailed, match=f'filesystem "{kind}" must be mounted on ordinary directory'):
        box.run(spec_of("true"))


def test_a_dev_that_is_a_link_leads_inside_the_root(box: Box, outside: Path) -> None:
    replace(box, "dev", outside)
    ended = box.run(spec_of("sh", "-c", f"ls {outside}/null && readlink /dev"))
    assert ended.out == f"{outside}/null\n{outside}\n"


@pytest.mark.parametrize("place", ["dev/shm", "dev/mqueue", "dev/pts", "sys/fs/cgroup"])
def test_links_below_a_mounted_folder_are_covered(box: Box, outside: Path, place: str) -> None:
    replace(box, place, outside)
    assert box.run(spec_of("true")).status == 0


@pytest.mark.parametrize("name", ["null", "console", "ptmx", "fd", "stdout"])
def test_nodes_that_the_image_brings_are_not_used(box: Box, outside: Path, name: str) -> None:
    """CVE-2025-31133, CVE-2025-52565."""
    replace(box, f"dev/{name}", outside / "marker")
    spec = spec_of("sh", "-c", "stat -c %t:%T /dev/null; cat /proc/timer_list")
    assert box.run(spec).out == "1:3\n"


def test_without_a_dev_of_its_own_masks_do_not_use_the_images_null(box: Box, outside: Path) -> None:
    replace(box, "dev/null", outside / "marker")
    spec = spec_of("/bin/cat", "/proc/timer_list", "/proc/keys")
    spec["mounts"] = [item for item in spec["mounts"] if not item["destination"].startswith("/dev")]
    (box.upper / "dev/bound").mkdir()
    spec["mounts"].append(mount("/dev", "bind", str(box.upper / "dev"), "rbind"))
    assert box.run(spec) == (0, "", "")


def test_a_terminal_is_not_opened_through_what_the_image_lays_out(box: Box, outside: Path) -> None:
    replace(box, "dev/pts/ptmx", outside / "marker")
    spec = spec_of("true")
    spec["process"]["terminal"] = True
    spec["mounts"] = [item for item in spec["mounts"] if item["destination"] not in ("/dev", "/dev/pts")]
    with pytest.raises(CreateFailed, match="ptmx"), box.created(spec):
        pass


@pytest.mark.parametrize("up", ["../" * 20, "/"])
def test_a_mount_point_that_is_a_link_is_found_inside(box: Box, outside: Path, up: str) -> None:
    replace(box, "data", f"{up}{str(outside).lstrip('/')}")
    spec = spec_of("sh", "-c", f"ls {outside}")
    spec["mounts"].append(mount("/data", "tmpfs", "tmpfs"))
    spec["mounts"].append(mount("/data/made", "tmpfs", "tmpfs"))
    assert box.run(spec).out == "made\n"


def test_a_file_mounted_over_a_dangling_link_is_made_inside(box: Box, outside: Path) -> None:
    replace(box, "etc/resolv.conf", outside / "made")
    spec = spec_of("cat", "/etc/resolv.conf")
    spec["mounts"].append(mount("/etc/resolv.conf", "bind", "/dev/null", "bind"))
    source = box.folder / "resolv.conf"
    source.write_text("nameserver 192.0.2.1\n")
    spec["mounts"][-1]["source"] = str(source)
    assert box.run(spec).out == "nameserver 192.0.2.1\n"
    assert not (outside / "made").exists()


@pytest.mark.parametrize(
    "place", ["/proc/self", "/proc/self/attr", "/proc/sys/net", "/proc/1/fd", "/proc/sysrq-trigger"]
)
def test_nothing_is_mounted_inside_proc(box: Box, place: str) -> None:
    spec = spec_of("true")
    spec["mounts"].append(mount(place, "bind", str(box.folder), "rbind"))
    with pytest.raises(CreateFailed, match=r"cannot be mounted because it is inside /proc|no such file"):
        box.run(spec)


def test_nothing_but_proc_is_mounted_over_proc(box: Box) -> None:
    spec = spec_of("true")
    spec["mounts"].append(mount("/proc", "bind", str(box.folder), "rbind"))
    with pytest.raises(CreateFailed, match="cannot be mounted because it is not of type proc"):
        box.run(spec)


def test_a_link_to_proc_does_not_help(box: Box) -> None:
    replace(box, "p", "/proc/sys")
    spec = spec_of("true")
    spec["mounts"].append(mount("/p", "tmpfs", "tmpfs"))
    with pytest.raises(CreateFailed, match="cannot be mounted because it is inside /proc"):
        box.run(spec)


def test_the_files_tools_replace_in_proc_may_be_mounted_over(box: Box) -> None:
    (box.folder / "uptime").write_text("1 2\n")
    spec = spec_of("cat", "/proc/uptime")
    spec["mounts"].append(mount("/proc/uptime", "bind", str(box.folder / "uptime"), "bind"))
    assert box.run(spec).out == "1 2\n"


def test_etc_as_a_link_cycle_is_refused_and_not_followed_for_ever(box: Box) -> None:
    replace(box, "loop", "loop")
    spec = spec_of("true")
    spec["mounts"].append(mount("/loop/x", "tmpfs", "tmpfs"))
    with pytest.raises(CreateFailed, match="too many levels of symbolic links"):
        box.run(spec)


def test_the_programs_of_the_host_are_not_reached_through_the_init(box: Box) -> None:
    """CVE-2019-5736: what /proc/1/exe leads to is the container's own program."""
    ended = box.run(spec_of("sh", "-c", "readlink /proc/1/exe; readlink /proc/self/exe"))
    assert ended.out == "/bin/busybox\n/bin/busybox\n"


def test_a_created_container_belongs_to_root_while_it_may_not_be_inspected(box: Box) -> None:
    """The files of a process that is not dumpable are root's, whoever it runs as: proc(5)."""
    spec = spec_of("true")
    spec["process"]["user"] = {"uid": 1000, "gid": 1000}
    with Output() as output, box.created(spec, output=output) as container:
        assert os.stat(f"/proc/{container.pid}/environ").st_uid == 0


def test_a_bind_that_is_read_only_cannot_be_written(box: Box) -> None:
    (box.folder / "data").mkdir()
    spec = spec_of("touch", "/data/x")
    spec["mounts"].append(mount("/data", "bind", str(box.folder / "data"), "rbind", "ro", "rprivate"))
    assert "Read-only file system" in box.run(spec).err
    assert os.listdir(box.folder / "data") == []


def test_a_bind_that_is_recursively_read_only_covers_what_is_below(box: Box) -> None:
    spec = spec_of("sh", "-c", "touch /data/x; touch /data/below/x")

    def below(spec: Spec) -> None:
        (box.folder / "data/below").mkdir(parents=True)
        spec["mounts"].append(mount("/data", "bind", str(box.folder / "data"), "rbind", "rro"))

    below(spec)
    assert box.run(spec).err.count("Read-only file system") == 2
