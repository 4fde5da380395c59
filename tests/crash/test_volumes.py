"""A kill in the midst of what is done to a volume leaves it empty or whole, and nothing mounted."""

import contextlib
import os
import signal
from pathlib import Path

import pytest

from engine_kit.client import Cli
from engine_kit.engine import OwnEngine
from engine_kit.image import IMAGE


@pytest.fixture
def cli(fresh_engine: OwnEngine) -> Cli:
    return fresh_engine.cli("wharf")


def _kill_at(engine: OwnEngine, name: str, *words: str) -> None:
    """Start the engine anew, and run a command until a failpoint ends it."""
    engine.stop()
    engine.start(failpoints=f"{name}=kill@1")
    assert engine.cli("wharf")(*words).code != 0
    engine.wait_killed()
    engine.start()


@pytest.mark.parametrize(
    "name", ["volume.copied", "volume.copy.made", "volume.copy.committed", "volume.copy.moved"]
)
def test_a_copy_that_was_cut_is_made_again_or_finished(fresh_engine: OwnEngine, cli: Cli, name: str) -> None:
    cli("volume", "create", "wt-v").ok()
    base = fresh_engine.base()
    _kill_at(fresh_engine, name, "run", "--rm", "-v", "wt-v:/etc", IMAGE, "true")
    said = cli("run", "--rm", "-v", "wt-v:/etc:nocopy", IMAGE, "ls", "/etc").ok().split()
    assert ("passwd" in said) is (name in {"volume.copy.committed", "volume.copy.moved"})
    whole = cli("run", "--rm", "-v", "wt-v:/e:nocopy", IMAGE, "ls", "/e").ok().split()
    if "passwd" in whole:
        assert {"passwd", "group", "plain"} <= set(whole)
    cli("volume", "rm", "wt-v").ok()
    cli("volume", "create", "wt-v").ok()
    fresh_engine.settle(base)


@pytest.mark.parametrize("name", ["volume.recorded", "volume.folder", "create.folder"])
def test_a_volume_of_a_container_that_did_not_come_to_be_is_gone(
    fresh_engine: OwnEngine, cli: Cli, name: str
) -> None:
    base = fresh_engine.base()
    _kill_at(fresh_engine, name, "create", "-v", "/anon", "-v", "wt-v:/named", IMAGE)
    assert cli("volume", "ls", "-q").ok() == ""
    fresh_engine.settle(base)


@pytest.mark.parametrize("name", ["remove.recorded", "volume.going", "volume.gone"])
def test_an_anonymous_volume_goes_with_its_container(fresh_engine: OwnEngine, cli: Cli, name: str) -> None:
    base = fresh_engine.base()
    cli("create", "--name", "wt-a", "-v", "/etc", IMAGE).ok()
    _kill_at(fresh_engine, name, "rm", "-v", "wt-a")
    assert cli("volume", "ls", "-q").ok() == ""
    fresh_engine.settle(base)


def test_a_shared_tmpfs_outlives_the_daemon_and_goes_with_its_last_container(
    fresh_engine: OwnEngine, cli: Cli
) -> None:
    cli("volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "wt-t").ok()
    base = fresh_engine.base()
    cli("run", "-d", "--name", "wt-a", "-v", "wt-t:/t", IMAGE, "sh", "-c", "echo kept >/t/f; sleep 1000").ok()
    fresh_engine.kill()
    fresh_engine.start()
    assert cli("run", "--rm", "-v", "wt-t:/t", IMAGE, "cat", "/t/f").ok() == "kept"
    fresh_engine.kill()
    for pid in fresh_engine.sandbox.processes():
        if b"sleep" in _words(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    fresh_engine.start()
    cli("rm", "-f", "wt-a").ok()
    fresh_engine.settle(base)


def _words(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return b""
