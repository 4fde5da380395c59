"""Health checks and want of memory as a user meets them."""

import json
from typing import Any

import pytest

from engine_kit.client import Cli, clients
from engine_kit.engine import Engine
from engine_kit.image import IMAGE
from engine_kit.patience import eventually

_QUICK = ("--health-interval", "50ms", "--health-timeout", "5s", "--health-retries", "2")


@pytest.fixture
def docker(engine: Engine) -> Cli:
    return engine.cli(clients()[0])  # the real one, where it is installed


def _health(cli: Cli, name: str) -> Any:  # the document of an engine that may be any
    return json.loads(cli("inspect", "-f", "{{json .State.Health}}", name).ok())


def _await_health(cli: Cli, name: str, status: str) -> None:
    eventually(lambda: _health(cli, name)["Status"] == status, what=f"{name} to be {status}")


def test_a_container_gets_ill_and_well(engine: Engine, docker: Cli) -> None:
    made = docker(
        "run", "-d", "--name", "wt-h", "--health-cmd", "echo hi; test -e /ok", *_QUICK, IMAGE, "sleep", "1000"
    ).ok()
    _await_health(docker, "wt-h", "unhealthy")
    ps = ("ps", "--filter", "name=wt-h", "--format", "{{.Status}}")
    assert docker(*ps).ok().endswith(" (unhealthy)")
    docker("exec", "wt-h", "touch", "/ok").ok()
    _await_health(docker, "wt-h", "healthy")
    assert docker(*ps).ok().endswith(" (healthy)")
    assert docker("ps", "-q", "--no-trunc", "--filter", "health=healthy").ok() == made
    assert docker("ps", "-q", "--filter", "health=unhealthy").ok() == ""
    found = _health(docker, "wt-h")
    assert found["FailingStreak"] == 0
    assert found["Log"][-1]["Output"] == "hi\n"
    assert len(found["Log"]) <= 5
    docker("pause", "wt-h").ok()
    assert docker(*ps).ok().endswith(" (Paused)")
    assert _health(docker, "wt-h")["Status"] == "unhealthy"
    docker("unpause", "wt-h").ok()
    _await_health(docker, "wt-h", "healthy")
    events = engine.told_of("wt-h")
    title = "/bin/sh -c echo hi; test -e /ok"
    named = [event["Action"] for event in events]
    assert named.count("health_status: unhealthy") == 1
    first = named.index(f"exec_create: {title}")
    assert named[first + 1] == f"exec_start: {title}"
    died = next(event for event in events if event["Action"] == "exec_die")
    assert died["Actor"]["Attributes"]["execID"] == events[first]["Actor"]["Attributes"]["execID"]
    assert died["Actor"]["Attributes"]["exitCode"] == "1"
    kept = _health(docker, "wt-h")["Log"]
    docker("stop", "-t", "0", "wt-h").ok()
    stopped = _health(docker, "wt-h")
    assert stopped["Status"] == "unhealthy"
    assert stopped["Log"][-1]["Start"] >= kept[-1]["Start"]


def test_the_images_check_is_run_unless_switched_off(docker: Cli) -> None:
    docker("create", "--name", "wt-i", IMAGE, "sleep", "1000").ok()
    docker("create", "--name", "wt-o", "--no-healthcheck", IMAGE, "sleep", "1000").ok()
    assert docker("inspect", "-f", "{{json .Config.Healthcheck}}", "wt-o").ok() == '{"Test":["NONE"]}'
    assert _health(docker, "wt-i") is None


def test_what_a_check_may_not_say(engine: Engine) -> None:
    answer = engine.http(
        "POST", "/containers/create", {"Image": IMAGE, "Healthcheck": {"Test": ["CMD", "x"], "Interval": 100}}
    )
    assert (answer.status, answer.message) == (400, "Interval in Healthcheck cannot be less than 1ms")
    refused = engine.http("GET", '/containers/json?filters={"health":["foo"]}')
    assert (refused.status, "invalid value for health (foo)" in refused.message) == (400, True)


def test_want_of_memory_is_told_at_once(engine: Engine, docker: Cli) -> None:
    script = "(tail /dev/zero); echo survived; sleep 1000"
    limits = ("-m", "16m", "--memory-swap", "16m")
    docker("run", "-d", "--name", "wt-m", *limits, IMAGE, "sh", "-c", script).ok()
    shown = "{{.State.OOMKilled}} {{.State.Status}}"
    eventually(lambda: docker("inspect", "-f", shown, "wt-m").ok() == "true running", what="OOMKilled")
    assert [event["Action"] for event in engine.told_of("wt-m")].count("oom") == 1
    docker("kill", "wt-m").ok()
    assert docker("inspect", "-f", shown, "wt-m").ok() == "true exited"
    ended = docker("run", "--name", "wt-k", *limits, IMAGE, "tail", "/dev/zero")
    assert ended.code == 137
    assert docker("inspect", "-f", shown, "wt-k").ok() == "true exited"
    docker("start", "wt-m").ok()
    eventually(lambda: docker("inspect", "-f", shown, "wt-m").ok() == "true running", what="OOMKilled")


def test_the_score_is_the_processes_own(docker: Cli) -> None:
    assert (
        docker("run", "--rm", "--oom-score-adj", "500", IMAGE, "cat", "/proc/self/oom_score_adj").ok()
        == "500"
    )
