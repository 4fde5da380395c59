"""Columns aligned with spaces, by the rules of Go's tabwriter as Docker sets it up.

A cell ends at a tab; a column is as wide as its widest cell and three more, at least ten in all (`MINIMUM`
counts the padding). What follows the last tab of a line belongs to no column. A column ends at the first line
that lacks it.
"""

from __future__ import annotations

from collections.abc import Sequence

MINIMUM = 10
PADDING = 3


def align(lines: Sequence[str], *, minimum: int = MINIMUM) -> list[str]:
    """Return `lines`, whose cells end at tabs, with the cells of each column padded to one width."""
    rows = [line.split("\t") for line in lines]
    padded = [["" for _ in row] for row in rows]
    _pad(rows, padded, range(len(rows)), 0, minimum)
    return ["".join(row) for row in padded]


def _pad(rows: list[list[str]], padded: list[list[str]], span: range, column: int, minimum: int) -> None:
    """Fill `padded` with column `column` of the rows in `span`, block by block, and those right of it."""
    at = span.start
    while at < span.stop:
        if len(rows[at]) - 1 <= column:
            if len(rows[at]) - 1 == column:
                padded[at][column] = rows[at][column]
            at += 1
            continue
        start = at
        while at < span.stop and len(rows[at]) - 1 > column:
            at += 1
        block = range(start, at)
        width = max(minimum, max(len(rows[row][column]) for row in block) + PADDING)
        for row in block:
            padded[row][column] = rows[row][column].ljust(width)
        _pad(rows, padded, block, column + 1, minimum)
