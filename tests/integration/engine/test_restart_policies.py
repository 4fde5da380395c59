"""Restart policies as a user meets them: states, words, events, counts."""

import pytest

from engine_kit.client import Cli, clients
from engine_kit.engine import Engine
from engine_kit.image import IMAGE
from engine_kit.patience import eventually


def _state(cli: Cli, name: str) -> tuple[str, int]:
    status, count = cli("inspect", "-f", "{{.State.Status}} {{.RestartCount}}", name).ok().split()
    return status, int(count)


def _await_state(cli: Cli, name: str, status: str, count: int) -> None:
    eventually(
        lambda: (now := _state(cli, name))[0] == status and now[1] >= count,
        what=f"{name} to be {status} after {count} restarts",
    )


def _restarting(cli: Cli, name: str, count: int = 5) -> str:
    """Make a container that waits seconds for its next start; its id."""
    made = cli("run", "-d", "--name", name, "--restart", "always", IMAGE, "sh", "-c", "exit 3").ok()
    _await_state(cli, name, "restarting", count)
    return made


def _actions(engine: Engine, container: str) -> list[str]:
    return [event["Action"] for event in engine.told_of(container)]


@pytest.fixture
def docker(engine: Engine) -> Cli:
    return engine.cli(clients()[0])  # the real one, where it is installed


def test_a_foreground_client_sees_the_first_run(cli: Cli) -> None:
    script = "echo out; exit 3"
    result = cli("run", "--name", "wt-f", "--restart", "on-failure:2", IMAGE, "sh", "-c", script)
    assert (result.code, result.out) == (3, "out\n")
    _await_state(cli, "wt-f", "exited", 2)
    assert cli("logs", "wt-f").out == "out\n" * 3
    assert cli("inspect", "-f", "{{.State.ExitCode}}", "wt-f").ok() == "3"


def test_while_it_waits_it_answers_in_dockers_words(docker: Cli) -> None:
    made = _restarting(docker, "wt-r")
    waits = f"Container {made} is restarting, wait until the container is running"
    shown = "{{.State.Running}} {{.State.Restarting}} {{.State.Pid}} {{.State.ExitCode}}"
    assert docker("inspect", "-f", shown, "wt-r").ok() == "true true 0 3"
    assert docker("ps", "--filter", "name=wt-r", "--format", "{{.Status}}").ok().startswith("Restarting (3) ")
    for verb in ("exec", "pause"):
        words = ("wt-r", "true") if verb == "exec" else ("wt-r",)
        answer = docker(verb, *words)
        assert (answer.code, waits in answer.err) == (1, True), answer.err
    assert "You cannot attach to a restarting container" in docker("attach", "wt-r").err
    refused = docker("rm", "wt-r")
    assert "container is restarting: stop the container before removing or force remove" in refused.err
    assert docker("start", "wt-r").ok() == "wt-r"
    assert docker("rm", "-f", "wt-r").ok() == "wt-r"


@pytest.mark.parametrize("verb", [("kill",), ("kill", "-s", "TERM"), ("stop",)])
def test_one_that_waits_stays_down_at_once(engine: Engine, docker: Cli, verb: tuple[str, ...]) -> None:
    made = _restarting(docker, "wt-r", 4)
    before = _actions(engine, made)
    assert docker(*verb, "wt-r").ok() == "wt-r"
    _await_state(docker, "wt-r", "exited", 4)
    assert _actions(engine, made)[len(before) :] == (["stop"] if verb == ("stop",) else [])


def test_a_restart_by_hand_counts_anew(docker: Cli) -> None:
    _restarting(docker, "wt-r", 4)
    docker("restart", "wt-r").ok()
    assert _state(docker, "wt-r")[1] <= 3


def test_every_run_dies_and_starts(engine: Engine, docker: Cli) -> None:
    made = docker("run", "-d", "--name", "wt-e", "--restart", "on-failure:2", IMAGE, "false").ok()
    _await_state(docker, "wt-e", "exited", 2)
    assert _actions(engine, made) == ["create", *["start", "die"] * 3]


def test_wait_ends_with_the_run_and_kill_with_the_container(docker: Cli) -> None:
    docker("run", "-d", "--name", "wt-w", "--restart", "always", IMAGE, "sh", "-c", "sleep 0.3; exit 4").ok()
    assert docker("wait", "wt-w").ok() == "4"
    _await_state(docker, "wt-w", "running", 1)
    docker("kill", "wt-w").ok()
    assert docker("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "wt-w").ok() == "exited 137"


def test_address_and_link_are_the_same_in_every_run(docker: Cli) -> None:
    script = "ip -4 -o addr show eth0 | grep -o 'inet [0-9.]*'; ping -c1 -W2 $GW >/dev/null && echo reached"
    gateway = docker("network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}}", "bridge").ok()
    words = ("--restart", "on-failure:2", "-e", f"GW={gateway}", IMAGE, "sh", "-c", f"{script}; exit 1")
    docker("run", "-d", "--name", "wt-n", *words).ok()
    _await_state(docker, "wt-n", "exited", 2)
    lines = docker("logs", "wt-n").out.splitlines()
    assert len(lines) == 6
    assert set(lines[1::2]) == {"reached"}
    assert len(set(lines[0::2])) == 1


def test_what_a_policy_may_not_say(engine: Engine, docker: Cli) -> None:
    policies = [
        ({"Name": "x"}, "unknown policy 'x'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'"),
        (
            {"Name": "always", "MaximumRetryCount": 3},
            "maximum retry count can only be used with 'on-failure'",
        ),
        (
            {"Name": "unless-stopped", "MaximumRetryCount": -2},
            "maximum retry count can only be used with 'on-failure' and cannot be negative",
        ),
        ({"Name": "on-failure", "MaximumRetryCount": -1}, "maximum retry count cannot be negative"),
    ]
    for policy, words in policies:
        document = {"Image": IMAGE, "HostConfig": {"RestartPolicy": policy}}
        answer = engine.http("POST", "/containers/create", document)
        assert (answer.status, answer.message) == (400, f"invalid restart policy: {words}")
    refused = docker("create", "--rm", "--restart", "always", IMAGE)
    assert "conflicting options: cannot specify both --restart and --rm" in refused.err
