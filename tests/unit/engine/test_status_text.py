"""The words of `docker ps`."""

import pytest

from wharf.duration import human_duration
from wharf.engine.containers.record import Condition, Status
from wharf.engine.containers.status_text import status_text

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.5, "Less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "About a minute"),
        (119, "About a minute"),
        (120, "2 minutes"),
        (3599, "59 minutes"),
        (3600, "About an hour"),
        (2 * 3600, "2 hours"),
        (47 * 3600, "47 hours"),
        (48 * 3600, "2 days"),
        (14 * 86400, "2 weeks"),
        (60 * 86400, "2 months"),
        (3 * 365 * 86400, "3 years"),
    ],
)
def test_durations_are_worded_as_docker_words_them(seconds: float, words: str) -> None:
    assert human_duration(seconds) == words


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (Condition(), "Created"),
        (Condition(status=Status.RUNNING, started_at=5 * SECOND), "Up 5 seconds"),
        (Condition(status=Status.PAUSED, started_at=5 * SECOND), "Up 5 seconds (Paused)"),
        (Condition(status=Status.EXITED, exit_code=3, finished_at=8 * SECOND), "Exited (3) 2 seconds ago"),
    ],
)
def test_each_state_has_its_line(condition: Condition, words: str) -> None:
    assert status_text(condition, condition.status, 10 * SECOND) == words
