"""Which handler a request has: paths like `/containers/{id}/start`, where `{…}` may hold slashes.

A look-up is one or two dictionary accesses. A path with a fixed form wins over one with a name in it, and
the last part of a path is a verb where one is known: `/images/a/b/json` inspects the image `a/b`.
"""

from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

H = TypeVar("H")


class Found(NamedTuple, Generic[H]):
    """A handler, and the name in the path ("" where it has none)."""

    handler: H
    name: str


class Router(Generic[H]):
    """A table of routes; a later one for the same operation replaces an earlier one."""

    def __init__(self) -> None:
        self._fixed: dict[tuple[str, str], H] = {}
        self._named: dict[tuple[str, str, str], H] = {}
        self._operations: dict[tuple[str, str], None] = {}

    def add(self, method: str, template: str, handler: H) -> None:
        """Route `method` and a path; of two names in it only the first may hold slashes and is handed on."""
        self._operations[method, template] = None
        head, brace, rest = template.partition("{")
        if not brace:
            self._fixed[method, template] = handler
            return
        self._named[method, head, rest.partition("}")[2]] = handler

    @property
    def operations(self) -> Iterable[tuple[str, str]]:
        """The (method, template) of every route."""
        return self._operations.keys()

    def find(self, method: str, path: str) -> Found[H] | None:
        """Return the handler of a path without its version, or None."""
        if handler := self._fixed.get((method, path)):
            return Found(handler, "")
        start = path.find("/", 1) + 1
        if not start or start == len(path):
            return None
        head = path[:start]
        end = len(path)
        for _ in range(2):  # a verb has one part, or two: `/attach/ws`
            end = path.rfind("/", start, end)
            if end <= start:
                break
            if handler := self._named.get((method, head, path[end:])):
                return Found(handler, path[start:end])
        if handler := self._named.get((method, head, "")):
            return Found(handler, path[start:])
        return None
