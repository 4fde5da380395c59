"""Health checks: what may be asked for, what an image adds, how things are shown."""

import pytest

from wharf.engine.containers import health
from wharf.engine.containers.record import Condition, HealthCondition, Probe, Status
from wharf.engine.containers.status_text import status_text
from wharf.errors import InvalidParameter
from wharf.schema.container import ContainerConfig
from wharf.schema.health import HealthConfig

_SECOND = 1_000_000_000


def test_what_a_user_leaves_open_comes_from_the_image() -> None:
    image = HealthConfig(test=["CMD", "a"], interval=1, retries=7)
    assert health.merged(None, image) == image
    assert health.merged(HealthConfig(interval=5), image) == HealthConfig(
        test=["CMD", "a"], interval=5, retries=7
    )
    assert health.merged(HealthConfig(test=["NONE"]), None) == HealthConfig(test=["NONE"])


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        (["CMD", "a", "b"], ["a", "b"]),
        (["CMD-SHELL", "a b"], ["/bin/sh", "-c", "a b"]),
        (["NONE"], None),
        (["FOO"], None),
        ([""], None),
        ([], None),
    ],
)
def test_the_command_of_each_form(test: list[str], expected: list[str] | None) -> None:
    assert health.command(ContainerConfig(healthcheck=HealthConfig(test=test))) == expected


def test_the_containers_shell_is_used() -> None:
    config = ContainerConfig(shell=["/bin/ash", "-ec"], healthcheck=HealthConfig(test=["CMD-SHELL", "x"]))
    assert health.command(config) == ["/bin/ash", "-ec", "x"]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (HealthConfig(interval=100), "Interval in Healthcheck cannot be less than 1ms"),
        (HealthConfig(interval=-1), "Interval in Healthcheck cannot be less than 1ms"),
        (HealthConfig(timeout=100), "Timeout in Healthcheck cannot be less than 1ms"),
        (HealthConfig(retries=-1), "Retries in Healthcheck cannot be negative"),
        (HealthConfig(start_period=100), "StartPeriod in Healthcheck cannot be less than 1ms"),
        (HealthConfig(start_interval=100), "StartInterval in Healthcheck cannot be less than 1ms"),
    ],
)
def test_what_a_check_may_not_say(config: HealthConfig, message: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        health.check(config)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (_SECOND, "1s"),
        (30 * _SECOND, "30s"),
        (90 * _SECOND, "1m30s"),
        (3600 * _SECOND, "1h0m0s"),
        (_SECOND // 2, "500ms"),
        (_SECOND * 3 // 2, "1.5s"),
        (1_050_000, "1.05ms"),
        (60_000_000_001, "1m0.000000001s"),
    ],
)
def test_durations_are_written_as_go_does(nanoseconds: int, text: str) -> None:
    assert health.go_duration(nanoseconds) == text


def test_health_stands_behind_the_time_of_one_that_runs() -> None:
    def text(status: Status, found: str) -> str:
        condition = Condition(
            status=status, health=HealthCondition(status=found), started_at=1, finished_at=1
        )
        return status_text(condition, status, 5 * _SECOND + 1)

    assert text(Status.RUNNING, "starting") == "Up 5 seconds (health: starting)"
    assert text(Status.RUNNING, "healthy") == "Up 5 seconds (healthy)"
    assert text(Status.RUNNING, "unhealthy") == "Up 5 seconds (unhealthy)"
    assert text(Status.PAUSED, "unhealthy") == "Up 5 seconds (Paused)"
    assert text(Status.EXITED, "unhealthy") == "Exited (0) 5 seconds ago"


def test_the_filter_takes_four_words() -> None:
    assert health.matches(Condition(), "none")
    assert health.matches(Condition(health=HealthCondition(status="healthy")), "healthy")
    assert not health.matches(Condition(health=HealthCondition(status="healthy")), "none")
    with pytest.raises(InvalidParameter, match="must be one of none, starting, healthy, unhealthy"):
        health.check_status("well")


def test_results_are_shown_with_their_times() -> None:
    probe = Probe(start=1, end=_SECOND, exit_code=-1, output="x")
    shown = health.shown(Condition(health=HealthCondition(status="starting", streak=2, log=[probe])))
    assert shown is not None
    assert (shown.status, shown.failing_streak) == ("starting", 2)
    assert shown.log is not None
    assert (shown.log[0].start, shown.log[0].end) == (
        "1970-01-01T00:00:00.000000001Z",
        "1970-01-01T00:00:01Z",
    )
