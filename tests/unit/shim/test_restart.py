"""The policies' rules and waits, without a container."""

import pytest

from wharf.shim.restart import Restarts, wants_restart


def delays(restarts: Restarts, *ends: tuple[int, float]) -> list[float | None]:
    return [restarts.next_delay(status, ran_s) for status, ran_s in ends]


def test_waits_double_up_to_a_minute() -> None:
    found = delays(Restarts("always"), *[(1, 0.0)] * 12)
    assert found == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 60, 60]


def test_a_run_of_ten_seconds_begins_the_waits_again() -> None:
    restarts = Restarts("always")
    assert delays(restarts, (1, 0), (1, 9.9), (1, 10), (1, 0)) == [0.1, 0.2, 0.1, 0.2]
    assert restarts.count == 4


def test_on_failure_counts_and_minds_the_status() -> None:
    assert delays(Restarts("on-failure", 2), (1, 0), (1, 0), (1, 0)) == [0.1, 0.2, None]
    assert delays(Restarts("on-failure"), (1, 0), (0, 0)) == [0.1, None]
    assert delays(Restarts("on-failure", 3, count=3), (1, 0)) == [None]


@pytest.mark.parametrize("name", ["no", ""])
def test_no_policy_never_starts(name: str) -> None:
    restarts = Restarts(name)
    assert restarts.is_none
    assert restarts.next_delay(1, 0) is None
    assert restarts.count == 0


def test_an_order_to_stay_down_is_heeded_by_every_policy() -> None:
    for name in ("always", "unless-stopped", "on-failure"):
        restarts = Restarts(name)
        restarts.stop_by_hand(is_final=True)
        assert restarts.next_delay(1, 0) is None


def test_only_unless_stopped_minds_a_signal_that_is_no_order() -> None:
    for name, expected in (("always", 0.1), ("unless-stopped", None), ("on-failure", 0.1)):
        restarts = Restarts(name)
        restarts.stop_by_hand(is_final=False)
        assert restarts.next_delay(1, 0) == expected


@pytest.mark.parametrize(
    ("name", "status", "by_hand", "expected"),
    [
        ("always", 0, True, True),
        ("unless-stopped", 0, True, False),
        ("unless-stopped", 0, False, True),
        ("on-failure", 0, False, False),
        ("on-failure", 143, True, True),
        ("no", 1, False, False),
    ],
)
def test_what_comes_back_with_the_engine(name: str, status: int, *, by_hand: bool, expected: bool) -> None:
    assert wants_restart(name, 0, status=status, count=0, is_stopped_by_hand=by_hand) is expected
