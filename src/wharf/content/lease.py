"""Leases: what an operation under way needs is not to be collected, although nothing refers to it yet.

They live in memory only: after a crash no operation is under way, and what was left without an owner goes.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Lease:
    """The things that one operation holds; made by `Leases.open`."""

    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts
        self._held: set[str] = set()

    def hold(self, key: str) -> None:
        """Keep `key` until this lease ends."""
        if key not in self._held:
            self._held.add(key)
            self._counts[key] += 1

    def release(self) -> None:
        """Let go of everything."""
        for key in self._held:
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]
        self._held.clear()


class Leases:
    """The leases on one kind of thing."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    @contextmanager
    def open(self) -> Iterator[Lease]:
        """Give a lease that ends with the context."""
        lease = Lease(self._counts)
        try:
            yield lease
        finally:
            lease.release()

    def is_held(self, key: str) -> bool:
        """Whether any lease holds `key`."""
        return key in self._counts

    def held(self) -> frozenset[str]:
        """Return all keys held now."""
        return frozenset(self._counts)
