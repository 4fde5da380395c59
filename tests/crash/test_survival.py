"""Killing any process of ours loses no container, no log line, no exit code, and leaks nothing."""

import contextlib
import os
import signal
from pathlib import Path

import pytest

from engine_kit.client import Cli, say
from engine_kit.engine import OwnEngine
from engine_kit.image import IMAGE
from engine_kit.patience import eventually


@pytest.fixture
def cli(fresh_engine: OwnEngine) -> Cli:
    return fresh_engine.cli("wharf")


def _state(cli: Cli, name: str) -> list[str]:
    return cli("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", name).ok().split()


def _pid(cli: Cli, name: str) -> int:
    return int(cli("inspect", "-f", "{{.State.Pid}}", name).ok())


def _runs(pid: int) -> bool:
    """Whether a process lives; one that nobody has reaped yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_containers_and_their_logs_go_on_without_the_daemon(fresh_engine: OwnEngine, cli: Cli) -> None:
    script = "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.01; done"
    cli("run", "-d", "--name", "wt-a", IMAGE, "sh", "-c", script).ok()
    pid = _pid(cli, "wt-a")
    fresh_engine.kill()
    log = next((fresh_engine.data_root / "containers").glob("*/*-json.log"))
    lines = log.read_bytes().count(b"\n")
    eventually(lambda: log.read_bytes().count(b"\n") > lines + 20, what="the log to grow without the daemon")
    fresh_engine.start()
    assert _state(cli, "wt-a") == ["running", "0"]
    assert _pid(cli, "wt-a") == pid
    cli("stop", "-t", "0", "wt-a").ok()
    numbers = [int(line.split()[1]) for line in cli("logs", "wt-a").ok().splitlines()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_what_ended_meanwhile_has_its_exit_code_and_log(fresh_engine: OwnEngine, cli: Cli) -> None:
    fifo = fresh_engine.folder / "go"
    os.mkfifo(fifo)
    cli(
        "run", "-d", "--name", "wt-a", "-v", f"{fifo}:/go", IMAGE, "sh", "-c", "cat /go; echo bye; exit 37"
    ).ok()
    fresh_engine.kill()
    fifo.write_text("told\n")
    eventually(
        lambda: list(fresh_engine.exec_root.glob("containers/*/exit.json")),
        what="the shim to record the exit",
    )
    fresh_engine.start()
    assert _state(cli, "wt-a") == ["exited", "37"]
    assert cli("logs", "wt-a").ok() == "told\nbye"
    assert cli("wait", "wt-a").ok() == "37"


def test_a_restarted_daemon_drives_the_old_containers(fresh_engine: OwnEngine, cli: Cli) -> None:
    cli("run", "-di", "--name", "wt-a", IMAGE, "sh", "-c", "read x; echo got $x; exit 5").ok()
    fresh_engine.kill()
    fresh_engine.start()
    assert cli("exec", "wt-a", "echo", "exec works").ok() == "exec works"
    with cli.piped("attach", "wt-a") as attached:
        say(attached, b"word\n")
        assert attached.stdout is not None
        assert attached.stdout.read() == b"got word\n"
    assert cli("wait", "wt-a").ok() == "5"


def test_a_polite_stop_leaves_the_containers_too(fresh_engine: OwnEngine, cli: Cli) -> None:
    cli("run", "-d", "--name", "wt-a", IMAGE, "sleep", "1000").ok()
    pid = _pid(cli, "wt-a")
    assert fresh_engine.stop() == 0
    os.kill(pid, 0)
    fresh_engine.start()
    assert _pid(cli, "wt-a") == pid


def test_what_was_acknowledged_is_still_there(fresh_engine: OwnEngine, cli: Cli) -> None:
    made = [cli("create", "--name", f"wt-{number}", IMAGE, "true").ok() for number in range(10)]
    fresh_engine.kill()
    fresh_engine.start()
    assert fresh_engine.ids() == set(made)


def test_twenty_two_containers_are_known_again_quickly(fresh_engine: OwnEngine, cli: Cli) -> None:
    for number in range(22):
        cli("run", "-d", "--name", f"wt-{number}", IMAGE, "sleep", "1000").ok()
    before = {name: _pid(cli, name) for name in (f"wt-{number}" for number in range(22))}
    fresh_engine.kill()
    fresh_engine.start(limit_s=5)
    assert {name: _pid(cli, name) for name in before} == before


def test_a_killed_spawner_is_replaced(fresh_engine: OwnEngine, cli: Cli) -> None:
    cli("run", "-d", "--name", "wt-a", IMAGE, "sleep", "1000").ok()
    (spawner,) = _children(fresh_engine.pid)
    os.kill(spawner, signal.SIGKILL)
    assert cli("run", "--rm", IMAGE, "echo", "goes on").ok() == "goes on"
    assert cli("exec", "wt-a", "echo", "here too").ok() == "here too"
    assert _state(cli, "wt-a") == ["running", "0"]


def test_a_killed_shim_takes_its_container_with_it_and_is_noticed(cli: Cli) -> None:
    cli("run", "-d", "--name", "wt-a", IMAGE, "sh", "-c", "echo said; exec sleep 1000").ok()
    pid = _pid(cli, "wt-a")
    os.kill(_parent(pid), signal.SIGKILL)
    eventually(lambda: _state(cli, "wt-a") == ["exited", "137"], what="the death to be noticed")
    assert not _runs(pid)
    assert cli("logs", "wt-a").ok() == "said"
    cli("start", "wt-a").ok()
    assert _state(cli, "wt-a")[0] == "running"


def test_everything_killed_at_once_leaves_nothing_after_a_restart(fresh_engine: OwnEngine, cli: Cli) -> None:
    base = fresh_engine.base()
    cli("run", "-d", "--name", "wt-a", IMAGE, "sleep", "1000").ok()
    cli("exec", "-d", "wt-a", "sleep", "999").ok()
    for pid in fresh_engine.sandbox.processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    fresh_engine.kill()
    fresh_engine.start()
    assert _state(cli, "wt-a") == ["exited", "137"]
    cli("rm", "wt-a").ok()
    fresh_engine.settle(base)


@pytest.mark.parametrize("delay_s", [0.0, 0.01, 0.02, 0.04, 0.08])
def test_a_daemon_killed_in_the_midst_of_runs_leaks_nothing(
    fresh_engine: OwnEngine, cli: Cli, delay_s: float
) -> None:
    base = fresh_engine.base()
    with contextlib.ExitStack() as running:
        for number in range(4):
            running.enter_context(cli.piped("run", "--name", f"wt-{number}", IMAGE, "true"))
        with contextlib.suppress(AssertionError):
            eventually(lambda: False, limit_s=delay_s)
        fresh_engine.kill()
    fresh_engine.start()
    fresh_engine.clear()
    fresh_engine.settle(base)


def test_a_container_that_was_frozen_for_a_commit_goes_on_when_the_engine_is_back(
    fresh_engine: OwnEngine, cli: Cli
) -> None:
    fresh_engine.stop()
    fresh_engine.start(failpoints="commit.frozen=kill@1")
    cli("run", "-d", "--name", "wt-a", IMAGE, "sh", "-c", "while :; do echo x; sleep 0.01; done").ok()
    assert cli("commit", "wt-a", "wt-made:1").code == 1
    fresh_engine.wait_killed()
    log = next((fresh_engine.data_root / "containers").glob("*/*-json.log"))
    size = log.stat().st_size
    fresh_engine.start()
    assert _state(cli, "wt-a") == ["running", "0"]
    eventually(lambda: log.stat().st_size > size, what="the container to go on")
    cli("commit", "wt-a", "wt-made:1").ok()
