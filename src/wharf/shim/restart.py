"""Restart policies: whether a container that has ended starts again, and when. The shim keeps to them alone.

The waits are Docker's: 100 ms, doubled each time up to a minute, and 100 ms again after a run of ten seconds.
"""

FIRST_S = 0.1
LONGEST_S = 60.0
STEADY_S = 10.0
"""A run of this length was a success: the next wait is the first again."""

NEVER = "no"
NAMES = frozenset([NEVER, "always", "unless-stopped", "on-failure"])


class Restarts:
    """The policy of one container, from a start by hand until it stays down.

    `maximum` is how often `on-failure` tries at most, 0 for no limit; `count` how often it was started again.
    """

    __slots__ = ("_delay_s", "_is_stopped_by_hand", "count", "is_final", "maximum", "name")

    def __init__(self, name: str = NEVER, maximum: int = 0, count: int = 0) -> None:
        self.name = name
        self.maximum = maximum
        self.count = count
        self.is_final = False
        """Whether the container is to stay down whatever the policy says."""
        self._is_stopped_by_hand = False
        self._delay_s = 0.0

    @property
    def is_none(self) -> bool:
        """Whether there is no policy."""
        return self.name in {"", NEVER}

    def stop_by_hand(self, *, is_final: bool) -> None:
        """Remember that a user has ended the container; it stays down if `is_final`."""
        self._is_stopped_by_hand = True
        self.is_final |= is_final

    def next_delay(self, status: int, ran_s: float) -> float | None:
        """Return the seconds until the container that ended with `status` starts again, None for never.

        It is counted as started again.
        """
        if self.is_none or self.is_final:
            return None
        if ran_s >= STEADY_S:
            self._delay_s = 0.0
        self._delay_s = min(self._delay_s * 2, LONGEST_S) or FIRST_S
        if not wants_restart(
            self.name,
            self.maximum,
            status=status,
            count=self.count,
            is_stopped_by_hand=self._is_stopped_by_hand,
        ):
            return None
        self.count += 1
        return self._delay_s


def wants_restart(name: str, maximum: int, *, status: int, count: int, is_stopped_by_hand: bool) -> bool:
    """Return whether a policy starts a container again that ended with `status` after `count` restarts."""
    match name:
        case "always":
            return True
        case "unless-stopped":
            return not is_stopped_by_hand
        case "on-failure":
            return status != 0 and (maximum == 0 or count < maximum)
        case _:
            return False
