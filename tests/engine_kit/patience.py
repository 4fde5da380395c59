"""Waiting for what is bound to happen, with a limit: the tests' only clock."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LIMIT_S = 20.0
"""How long anything may take on a busy machine before a test calls it lost."""


def eventually(look: Callable[[], T], *, limit_s: float = LIMIT_S, what: str = "") -> T:
    """Return the first true answer of `look`, or fail when there is none within `limit_s`."""
    end = time.monotonic() + limit_s
    pause = 0.002
    while not (seen := look()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {limit_s:g} s in vain for {what or look}: {seen!r}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
    return seen
