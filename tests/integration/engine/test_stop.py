"""Stopping, killing and waiting: who gets which signal, and when patience ends."""

import time

from engine_kit.client import Cli, say
from engine_kit.image import IMAGE

_STUBBORN = "trap '' TERM; echo ready; while :; do sleep 0.05; done"


def _ready(cli: Cli, name: str) -> None:
    with cli.piped("logs", "-f", name) as follower:
        assert follower.stdout is not None
        assert follower.stdout.readline() == b"ready\n"


def test_stop_kills_what_ignores_the_signal(cli: Cli) -> None:
    cli("run", "-d", "--name", "wt-s", IMAGE, "sh", "-c", _STUBBORN).ok()
    _ready(cli, "wt-s")
    begun = time.monotonic()
    cli("stop", "-t", "1", "wt-s").ok()
    took = time.monotonic() - begun
    assert cli("inspect", "-f", "{{.State.ExitCode}}", "wt-s").ok() == "137"
    assert 0.9 < took < 5


def test_stop_sends_the_images_or_the_containers_stop_signal(cli: Cli) -> None:
    script = "trap 'exit 77' USR1; echo ready; while :; do sleep 0.05; done"
    cli("run", "-d", "--name", "wt-s", "--stop-signal", "USR1", IMAGE, "sh", "-c", script).ok()
    _ready(cli, "wt-s")
    cli("stop", "-t", "10", "wt-s").ok()
    assert cli("wait", "wt-s").ok() == "77"


def test_wait_ends_when_the_container_does(cli: Cli) -> None:
    cli("run", "-di", "--name", "wt-w", IMAGE, "sh", "-c", "read go; exit 12").ok()
    with cli.piped("wait", "wt-w") as waiting:
        with cli.piped("attach", "wt-w") as attached:
            say(attached, b"go\n")
            attached.wait(timeout=20)
        out, _ = waiting.communicate(timeout=20)
    assert out == b"12\n"


def test_kill_reaches_the_init_only(cli: Cli) -> None:
    loop = "while :; do sleep 0.05; done"
    script = (
        f"(trap 'echo child got it' USR1; {loop}) & trap 'echo init got it; exit 0' USR1; echo ready; {loop}"
    )
    cli("run", "-d", "--name", "wt-k", IMAGE, "sh", "-c", script).ok()
    _ready(cli, "wt-k")
    cli("kill", "-s", "USR1", "wt-k").ok()
    cli("wait", "wt-k").ok()
    assert cli("logs", "wt-k").out == "ready\ninit got it\n"


def test_all_processes_of_a_container_end_with_its_init(cli: Cli) -> None:
    cli("run", "-d", "--name", "wt-k", IMAGE, "sh", "-c", "sleep 987 & exec sleep 986").ok()
    cli("exec", "-d", "wt-k", "sleep", "985").ok()
    cli("kill", "wt-k").ok()
    assert cli("wait", "wt-k").ok() == "137"
    cli("start", "wt-k").ok()
    assert "985" not in cli("exec", "wt-k", "ps").ok()


def test_removing_by_force_ends_a_running_container(cli: Cli) -> None:
    cli("run", "-d", "--name", "wt-r", IMAGE, "sleep", "1000").ok()
    assert cli("rm", "-f", "wt-r").ok() == "wt-r"
    assert cli("inspect", "wt-r").code == 1


def test_a_restarted_container_keeps_its_files(cli: Cli) -> None:
    cli("run", "--name", "wt-r", IMAGE, "sh", "-c", "echo x >>/count; wc -l </count").ok()
    assert cli("start", "-a", "wt-r").ok().strip() == "2"
