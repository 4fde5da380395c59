"""Columns aligned with spaces, by the rules of Go's tabwriter as Docker sets it up.

A cell ends at a tab; a column is as wide as its widest cell and three more, at least ten in all (`MINIMUM`
counts the padding). What follows the last tab of a line belongs to no column. A column ends at the first line
that lacks it.
"""

from __future__ import annotations

from collections.abc import Sequence

MINIMUM = 10
PADDING = 3


def align(lines: Sequence[str], *, minimum: int = MINIMUM, padding: int = PADDING) -> list[str]:
    """Return `lines`, whose cells end at tabs, with the cells of each column padded to one width."""
    rows = [line.split("\t") for line in lines]
    padded = [["" for _ in row] for row in rows]
    _columns(rows, padded, 0, len(rows), 0, minimum, padding)
    return ["".join(row) for row in padded]


def _columns(
    rows: list[list[str]],
    padded: list[list[str]],
    first: int,
    end: int,
    column: int,
    minimum: int,
    padding: int,
) -> None:
    """Pad column `column` of the rows from `first` up to `end`, block by block, then those right of it."""
    at = first
    while at < end:
        if len(rows[at]) - 1 <= column:
            if len(rows[at]) - 1 == column:
                padded[at][column] = rows[at][column]
            at += 1
            continue
        start = at
        widest = 0
        while at < end and len(rows[at]) - 1 > column:
            widest = max(widest, len(rows[at][column]))
            at += 1
        width = max(minimum, widest + padding)
        for row in range(start, at):
            padded[row][column] = rows[row][column].ljust(width)
        _columns(rows, padded, start, at, column + 1, minimum, padding)
