"""Mounts made by descriptor, seen through /proc/self/mountinfo; each test in a mount namespace of its own."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from wharf.linux import credentials, keyring, mount
from wharf.linux.clone import CloneFlag, clone3
from wharf.linux.mount import MountAttr, MountFlag

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


def isolated(work: Callable[[], object], flags: int = CloneFlag.NEWNS) -> None:
    """Run `work` in new namespaces, whose mounts stay there; its failure is the test's."""
    reads, writes = os.pipe()
    pid, pidfd = clone3(flags)
    if pid == 0:
        text = b""
        try:
            mount.mount("", "/", "none", MountFlag.PRIVATE | MountFlag.REC)
            work()
        except BaseException as error:
            text = repr(error).encode() or b"failed"
        finally:
            os.write(writes, text)
            os._exit(0)
    os.close(writes)
    with open(reads, encoding="utf-8") as report:
        failure = report.read()
    os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
    os.close(pidfd)
    assert failure == ""


def options_at(place: Path) -> tuple[str, str, str]:
    """Return mount options, type and propagation of the last mount at `place`."""
    found = None
    with open("/proc/self/mountinfo", encoding="utf-8") as lines:
        for line in lines:
            fields, _, rest = line.partition(" - ")
            words = fields.split(" ")
            if words[4] == str(place):
                found = words[5], rest.split(" ")[0], " ".join(words[6:]).strip()
    assert found is not None, f"nothing is mounted at {place}"
    return found


def attach(tree: int, place: Path) -> None:
    target = os.open(place, os.O_PATH)
    mount.attach(tree, target)
    os.close(target)


def test_a_new_file_system_has_its_attributes_before_it_is_seen(tmp_path: Path) -> None:
    def work() -> None:
        attributes = MountAttr.NOSUID | MountAttr.NOEXEC | MountAttr.STRICTATIME
        tree = mount.new_filesystem("tmpfs", "here", [("size", "64k"), ("mode", "700")], attributes)
        os.mkdir("inside", dir_fd=tree)
        assert os.listdir(tmp_path) == []
        attach(tree, tmp_path)
        assert os.listdir(tmp_path) == ["inside"]
        assert options_at(tmp_path)[:2] == ("rw,nosuid,noexec", "tmpfs")

    isolated(work)


def test_a_detached_mount_is_gone_with_its_descriptor() -> None:
    def work() -> None:
        before = Path("/proc/self/mountinfo").read_text()
        os.close(mount.new_filesystem("tmpfs", "here", []))
        assert Path("/proc/self/mountinfo").read_text() == before

    isolated(work)


def test_a_clone_can_be_made_read_only_alone(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "target").mkdir()

    def work() -> None:
        source = os.open(tmp_path / "source", os.O_PATH)
        tree = mount.clone_tree(source, recursive=False)
        mount.mount_setattr(tree, add=MountAttr.RDONLY)
        attach(tree, tmp_path / "target")
        (tmp_path / "source/x").touch()
        with pytest.raises(OSError, match="Read-only"):
            (tmp_path / "target/y").touch()

    isolated(work)


def test_time_attributes_replace_each_other(tmp_path: Path) -> None:
    def work() -> None:
        tree = mount.new_filesystem("tmpfs", "here", [], MountAttr.NOATIME)
        mount.mount_setattr(tree, clear=MountAttr.NOATIME)
        attach(tree, tmp_path)
        assert options_at(tmp_path)[0] == "rw,relatime"

    isolated(work)


def test_attributes_go_down_a_tree_when_asked(tmp_path: Path) -> None:
    (tmp_path / "source/below").mkdir(parents=True)
    (tmp_path / "target").mkdir()

    def work() -> None:
        attach(mount.new_filesystem("tmpfs", "here", []), tmp_path / "source/below")
        source = os.open(tmp_path / "source", os.O_PATH)
        tree = mount.clone_tree(source, recursive=True)
        mount.mount_setattr(tree, add=MountAttr.RDONLY, recursive=True)
        attach(tree, tmp_path / "target")
        assert options_at(tmp_path / "target/below")[0] == "ro,relatime"
        assert options_at(tmp_path / "source/below")[0] == "rw,relatime"

    isolated(work)


def test_propagation_is_set(tmp_path: Path) -> None:
    def work() -> None:
        tree = mount.new_filesystem("tmpfs", "here", [])
        mount.mount_setattr(tree, propagation=MountFlag.SHARED)
        attach(tree, tmp_path)
        assert options_at(tmp_path)[2].startswith("shared:")

    isolated(work)


def test_a_root_is_pivoted_into_and_the_old_one_let_go(tmp_path: Path) -> None:
    def work() -> None:
        tree = mount.new_filesystem("tmpfs", "here", [])
        os.mkdir("proof", dir_fd=tree)
        attach(tree, tmp_path)
        os.chdir(tmp_path)
        mount.pivot_root(".", ".")
        mount.umount2(".", mount.MNT_DETACH)
        os.chdir("/")
        assert os.listdir("/") == ["proof"]

    isolated(work)


def test_an_unknown_parameter_is_refused_and_leaves_nothing() -> None:
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="Invalid argument"):
        mount.new_filesystem("tmpfs", "here", [("nosuch", "1")])
    assert set(os.listdir("/proc/self/fd")) == before


def test_an_unmount_of_what_is_no_mount_names_the_place(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Invalid argument") as caught:
        mount.umount2(str(tmp_path))
    assert caught.value.filename == str(tmp_path)


def test_ids_change_in_a_clone_of_a_process_with_threads() -> None:
    """The C library's setresuid would wait there for the parent's threads."""
    import threading

    release = threading.Event()
    thread = threading.Thread(target=release.wait)
    thread.start()

    def work() -> None:
        credentials.set_groups([7, 8])
        credentials.set_gid(9)
        credentials.set_uid(10)
        assert (os.getresuid(), os.getresgid(), os.getgroups()) == ((10, 10, 10), (9, 9, 9), [7, 8])

    try:
        isolated(work)
    finally:
        release.set()
        thread.join()


def test_a_session_keyring_that_somebody_holds_is_joined_by_its_name() -> None:
    def work() -> None:
        name = f"wharf-test-{os.urandom(6).hex()}"
        first = keyring.join_session(name)
        keyring.set_permissions(first, keyring.KEY_POS_ALL | keyring.KEY_USR_SEARCH)
        reads, writes = os.pipe()
        holder = os.fork()
        if holder == 0:
            os.close(writes)
            os.read(reads, 1)
            os._exit(0)
        assert keyring.join_session(None) != first
        assert keyring.join_session(name) == first
        os.close(writes)
        os.waitpid(holder, 0)

    isolated(work)
