"""Restart policies and health checks hold without the daemon, and over its restarts."""

import contextlib
import json
import os
import signal
from pathlib import Path

import pytest

from engine_kit.client import Cli
from engine_kit.engine import OwnEngine
from engine_kit.image import IMAGE
from engine_kit.patience import eventually


@pytest.fixture
def cli(fresh_engine: OwnEngine) -> Cli:
    return fresh_engine.cli("wharf")


def _shown(cli: Cli, name: str, what: str) -> str:
    return cli("inspect", "-f", what, name).ok()


def _is(cli: Cli, name: str, status: str) -> None:
    eventually(lambda: _shown(cli, name, "{{.State.Status}}") == status, what=f"{name} to be {status}")


def _lines(engine: OwnEngine) -> int:
    (log,) = (engine.data_root / "containers").glob("*/*-json.log")
    return log.read_bytes().count(b"\n")


def test_a_policy_holds_while_the_daemon_is_down(fresh_engine: OwnEngine, cli: Cli) -> None:
    base = fresh_engine.base()
    script = "ip -4 -o addr show eth0 | grep -o 'inet [0-9./]*'; exit 1"
    cli("run", "-d", "--name", "wt-a", "--restart", "always", IMAGE, "sh", "-c", script).ok()
    fresh_engine.kill()
    lines = _lines(fresh_engine)
    eventually(lambda: _lines(fresh_engine) >= lines + 3, what="three more runs without the daemon")
    fresh_engine.start()
    assert _shown(cli, "wt-a", "{{.State.Status}}") in {"restarting", "running"}
    assert int(_shown(cli, "wt-a", "{{.RestartCount}}")) >= 3
    assert len(set(cli("logs", "wt-a").out.splitlines())) == 1
    cli("stop", "wt-a").ok()
    _is(cli, "wt-a", "exited")
    cli("rm", "wt-a").ok()
    fresh_engine.settle(base)


@pytest.mark.parametrize("status", ["running", "restarting"])
def test_the_daemon_is_killed_in_every_phase(fresh_engine: OwnEngine, cli: Cli, status: str) -> None:
    base = fresh_engine.base()
    script = "sleep 0.4; exit 1"
    cli("run", "-d", "--name", "wt-a", "--restart", "always", IMAGE, "sh", "-c", script).ok()
    for _ in range(3):
        _is(cli, "wt-a", status)
        fresh_engine.kill()
        fresh_engine.start()
    assert cli("kill", "wt-a").ok() == "wt-a"
    _is(cli, "wt-a", "exited")
    cli("rm", "wt-a").ok()
    fresh_engine.settle(base)


def test_a_stop_by_hand_is_remembered_as_the_policy_says(fresh_engine: OwnEngine, cli: Cli) -> None:
    for name, policy in (("wt-a", "always"), ("wt-u", "unless-stopped"), ("wt-n", "no")):
        cli("run", "-d", "--name", name, "--restart", policy, IMAGE, "sleep", "1000").ok()
    cli("stop", "-t", "0", "wt-a", "wt-u", "wt-n").ok()
    fresh_engine.kill()
    fresh_engine.start()
    _is(cli, "wt-a", "running")
    assert _shown(cli, "wt-u", "{{.State.Status}}") == "exited"
    assert _shown(cli, "wt-n", "{{.State.Status}}") == "exited"


def test_after_the_hosts_end_they_come_back(fresh_engine: OwnEngine, cli: Cli) -> None:
    base = fresh_engine.base()
    for name, policy in (("wt-a", "always"), ("wt-u", "unless-stopped"), ("wt-f", "on-failure")):
        cli("run", "-d", "--name", name, "--restart", policy, IMAGE, "sleep", "1000").ok()
    cli("run", "--name", "wt-c", "--restart", "on-failure", IMAGE, "true").ok()
    cli("create", "--name", "wt-never", "--restart", "always", IMAGE, "true").ok()
    for pid in fresh_engine.sandbox.processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    fresh_engine.kill()
    fresh_engine.start()
    for name in ("wt-a", "wt-u", "wt-f"):
        _is(cli, name, "running")
    assert _shown(cli, "wt-c", "{{.State.Status}}") == "exited"
    assert _shown(cli, "wt-never", "{{.State.Status}}") == "created"
    fresh_engine.clear()
    fresh_engine.settle(base)


def test_a_killed_shim_is_replaced(cli: Cli) -> None:
    cli("run", "-d", "--name", "wt-a", "--restart", "always", IMAGE, "sleep", "1000").ok()
    pid = int(_shown(cli, "wt-a", "{{.State.Pid}}"))
    shim = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(shim, signal.SIGKILL)
    eventually(
        lambda: _shown(cli, "wt-a", "{{.State.Status}} {{.RestartCount}}") == "running 1",
        what="the container to run again",
    )
    cli("stop", "-t", "0", "wt-a").ok()
    _is(cli, "wt-a", "exited")


def test_health_is_looked_after_while_the_daemon_is_down(fresh_engine: OwnEngine, cli: Cli) -> None:
    cli(
        *("run", "-d", "--name", "wt-h", "--health-cmd", "test -e /data/ok", "--health-interval", "30ms"),
        *("-v", f"{fresh_engine.folder}:/data", IMAGE, "sleep", "1000"),
    ).ok()
    health = "{{.State.Health.Status}}"
    eventually(lambda: _shown(cli, "wt-h", health) == "unhealthy", what="a failure")
    fresh_engine.kill()
    (fresh_engine.folder / "ok").touch()
    (found,) = fresh_engine.exec_root.glob("containers/*/health.json")
    eventually(lambda: json.loads(found.read_text())["status"] == "healthy", what="the shim to notice")
    fresh_engine.start()
    assert _shown(cli, "wt-h", health) == "healthy"
    assert _shown(cli, "wt-h", "{{(index .State.Health.Log 4).ExitCode}}") == "0"
