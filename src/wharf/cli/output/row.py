"""Rows of a list, and its headers, as a template sees them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wharf.template.functions import Function
from wharf.template.values import Fields


class Row(Fields):
    """One row; `columns` say how each field is made. A column called Label takes an argument."""

    __slots__ = ("columns", "type_name")

    def __init__(self, type_name: str, columns: Mapping[str, Callable[..., object]]) -> None:
        self.type_name = type_name
        self.columns = columns

    def field(self, name: str, *arguments: object) -> object:
        """Return the value of column `name`."""
        return self.columns[name](*arguments)

    def as_json(self) -> dict[str, object]:
        """Return all columns but Label, by name; Go gives texts where numbers might be expected."""
        return {name: make() for name, make in sorted(self.columns.items()) if name != "Label"}


class Headers(Fields):
    """The header row: each field is its column's title."""

    type_name = "formatter.SubHeaderContext"
    functions: Mapping[str, Function] = {
        "json": lambda text: text,
        "truncate": lambda text, _length: text,
        "join": lambda text, _separator: text,
        "split": lambda text, _separator: text,
    }

    def __init__(self, titles: Mapping[str, str], *, labels: bool) -> None:
        self._titles = titles
        self._labels = labels

    def field(self, name: str, *arguments: object) -> object:
        """Return the title of column `name`; that of a label comes from the label's last part."""
        if self._labels and name == "Label" and arguments:
            return str(arguments[0]).rpartition(".")[2].replace("-", " ").replace("_", " ")
        return self._titles[name]
