"""Hosts that lack something: a full disk, no permission, no cgroup controller."""

import os
import stat
from pathlib import Path

import pytest

from engine_kit.client import Cli
from engine_kit.engine import OwnEngine
from engine_kit.image import IMAGE, docker_archive, entry, layer
from engine_kit.sandbox import hierarchies


def test_the_socket_is_closed_to_strangers(own_engine: OwnEngine) -> None:
    assert stat.S_IMODE(os.stat(own_engine.socket_path).st_mode) == 0o660


def test_the_roots_are_closed_to_strangers(own_engine: OwnEngine) -> None:
    assert own_engine.data_root.stat().st_mode & 0o007 == 0
    assert own_engine.exec_root.stat().st_mode & 0o006 == 0
    assert (own_engine.exec_root / "containers").stat().st_mode & 0o077 == 0


def test_no_engine_at_the_address_is_said_in_dockers_words(tmp_path: Path) -> None:
    done = Cli("wharf", f"unix://{tmp_path}/none.sock", tmp_path)("ps")
    assert done.code == 1
    assert done.err == (
        f"Cannot connect to the Docker daemon at unix://{tmp_path}/none.sock. Is the docker daemon running?\n"
    )


def test_a_full_disk_refuses_the_new_and_keeps_the_old(small_engine: OwnEngine, tmp_path: Path) -> None:
    cli = small_engine.cli("wharf")
    cli("run", "-d", "--name", "wt-kept", IMAGE, "sh", "-c", "echo kept; sleep 1000").ok()
    small_engine.fill_disk()
    big = docker_archive("wt-big:1", [layer([(entry("big", kind=b"0"), os.urandom(8_000_000))])])
    (tmp_path / "big.tar").write_bytes(big)
    refused = cli("load", "-i", str(tmp_path / "big.tar"))
    assert refused.code == 1
    assert "no space left on device" in refused.err
    assert cli("ps", "--format", "{{.Names}}").ok() == "wt-kept"
    assert cli("logs", "wt-kept").ok() == "kept"
    assert cli("exec", "wt-kept", "echo", "alive").ok() == "alive"
    small_engine.free_disk()
    cli("rm", "-f", "wt-kept").ok()
    assert cli("run", "--rm", IMAGE, "echo", "again").ok() == "again"


def test_a_missing_controller_is_a_warning_or_a_refusal_never_a_crash(fresh_engine: OwnEngine) -> None:
    pids = next((Path(one.path) for one in hierarchies() if one.options == "pids"), None)
    if pids is None:
        pytest.skip("the pids controller has no hierarchy of its own here")
    fresh_engine.stop()
    fresh_engine.sandbox.run("umount", "-l", str(pids))
    fresh_engine.start()
    cli = fresh_engine.cli("wharf")
    assert cli("run", "--rm", IMAGE, "echo", "works").ok() == "works"
    limited = cli("run", "--rm", "--pids-limit", "10", IMAGE, "echo", "works")
    assert "works" in limited.out or limited.code == 125


def test_two_engines_may_not_share_a_data_root(own_engine: OwnEngine, tmp_path: Path) -> None:
    second = OwnEngine("second", tmp_path)
    second.data_root = own_engine.data_root
    second.exec_root = tmp_path / "exec"
    second.home.mkdir()
    with second.sandbox, pytest.raises(AssertionError, match="the engine ended with 1"):
        second.start()
    assert own_engine.http("GET", "/_ping").status == 200
