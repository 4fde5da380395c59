"""The census misses nothing: each kind of thing left behind is seen, in whichever namespace it is."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine_kit.census import Census, difference, take
from engine_kit.patience import eventually
from engine_kit.sandbox import Sandbox

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(os.geteuid() != 0, reason="a sandbox needs root"),
]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox("census") as made:
        yield made


def _census(sandbox: Sandbox, root: Path) -> Census:
    return take(
        roots=[root],
        cgroups=sandbox.cgroups,
        pids=sandbox.processes(),
        engine=sandbox.pid,
        network=sandbox.pid,
    )


def _new(sandbox: Sandbox, root: Path, before: Census) -> list[str]:
    return [line.split(":")[0] for line in difference(before, _census(sandbox, root))]


def test_nothing_done_is_nothing_new(sandbox: Sandbox, tmp_path: Path) -> None:
    assert difference(_census(sandbox, tmp_path), _census(sandbox, tmp_path)) == []


def test_a_mount_inside_is_seen(sandbox: Sandbox, tmp_path: Path) -> None:
    before = _census(sandbox, tmp_path)
    sandbox.run("mount", "-t", "tmpfs", "left", str(tmp_path))
    assert _new(sandbox, tmp_path, before) == ["+ mounts"]


def test_a_mount_in_a_namespace_below_is_seen(sandbox: Sandbox, tmp_path: Path) -> None:
    before = _census(sandbox, tmp_path)
    script = f"mount -t tmpfs left {tmp_path} && exec sleep 1000"
    sandbox.popen(["unshare", "-m", "sh", "-c", script])
    eventually(lambda: "+ mounts" in _new(sandbox, tmp_path, before))


def test_a_process_is_seen_though_it_left_its_session(sandbox: Sandbox, tmp_path: Path) -> None:
    before = _census(sandbox, tmp_path)
    sandbox.run("sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 &")
    assert _new(sandbox, tmp_path, before) == ["+ processes"]


def test_a_link_and_its_address_are_seen(sandbox: Sandbox, tmp_path: Path) -> None:
    before = _census(sandbox, tmp_path)
    script = "import socket, fcntl, struct, sys; s = socket.socket(); "
    script += "fcntl.ioctl(s, 0x89a0, b'left0')"  # SIOCBRADDBR
    sandbox.run("python3", "-c", script)
    assert _new(sandbox, tmp_path, before) == ["+ links"]


def test_a_cgroup_in_any_hierarchy_is_seen(sandbox: Sandbox, tmp_path: Path) -> None:
    before = _census(sandbox, tmp_path)
    for top in sandbox.cgroups:
        (top / "engines").mkdir()
        (top / "engines" / "left").mkdir()
    assert _new(sandbox, tmp_path, before) == ["+ cgroups"] * 2 * len(sandbox.cgroups)
    assert len(sandbox.folders()) == len(sandbox.cgroups)


def test_a_file_and_a_folder_are_seen(sandbox: Sandbox, tmp_path: Path) -> None:
    before = _census(sandbox, tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").touch()
    assert _new(sandbox, tmp_path, before) == ["+ files", "+ files"]


def test_a_descriptor_is_seen(tmp_path: Path) -> None:
    with subprocess.Popen(
        ["sh", "-c", "read x; exec 7</dev/zero; echo; read x"], stdin=-1, stdout=-1
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        before = take(roots=[tmp_path], engine=process.pid)
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdout.readline()
        assert difference(before, take(roots=[tmp_path], engine=process.pid)) == ["+ descriptors: /dev/zero"]
        process.kill()


def test_a_closed_sandbox_has_ended_and_removed_everything() -> None:
    with Sandbox("closed") as sandbox:
        running = sandbox.popen(["sh", "-c", "setsid sleep 1000 & exec sleep 1000"])
        holder = sandbox.pid
    assert running.wait(timeout=5) == -9
    assert not Path(f"/proc/{holder}").exists()
    assert [path for path in sandbox.cgroups if path.exists()] == []


def test_the_host_sees_nothing_of_the_sandbox(sandbox: Sandbox, tmp_path: Path) -> None:
    mounts, links = Path("/proc/self/mountinfo").read_text(), os.listdir("/sys/class/net")
    sandbox.run("mount", "-t", "tmpfs", "inside", str(tmp_path))
    sandbox.run("sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_forward")
    assert Path("/proc/self/mountinfo").read_text() == mounts
    assert os.listdir("/sys/class/net") == links
