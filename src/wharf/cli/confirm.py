"""Questions to the user that are answered with y or N."""

from __future__ import annotations

import sys


def confirmed(question: str) -> bool:
    """Return whether the user says yes to `question`; an end of the input is no."""
    sys.stdout.write(f"{question} [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() == "y"
