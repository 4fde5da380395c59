"""Signals by every name Docker takes."""

import signal

import pytest

from wharf.engine.containers.stop import is_supported, parse_signal
from wharf.errors import InvalidParameter


@pytest.mark.parametrize("text", ["9", "KILL", "SIGKILL", "kill", " sigkill "])
def test_a_signal_is_known_by_number_and_by_name(text: str) -> None:
    assert parse_signal(text) == signal.SIGKILL


def test_real_time_signals_are_counted_from_either_end() -> None:
    assert parse_signal("SIGRTMIN+3") == signal.SIGRTMIN + 3
    assert parse_signal("rtmax-2") == signal.SIGRTMAX - 2


@pytest.mark.parametrize("text", ["0", "FOO", "SIG", "RTMIN+99", "9x", "٩"])
def test_what_is_no_signal_is_refused(text: str) -> None:
    with pytest.raises(InvalidParameter, match="invalid signal"):
        parse_signal(text)


def test_a_number_that_is_no_signal_is_known_for_it() -> None:
    assert [is_supported(parse_signal(text)) for text in ("-1", "33", "65", "99")] == [False] * 4
    assert [is_supported(parse_signal(text)) for text in ("1", "31", "34", "64", "KILL")] == [True] * 5
