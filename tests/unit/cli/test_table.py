"""Columns line up as Go's tabwriter lines them up."""

from wharf.cli.output.table import align


def test_a_column_is_as_wide_as_its_widest_cell_and_three_more() -> None:
    assert align(["ID\tNAME", "0123456789ab\tx"]) == ["ID             NAME", "0123456789ab   x"]


def test_a_column_has_at_least_ten_characters() -> None:
    assert align(["A\tB", "1\t2"]) == ["A         B", "1         2"]


def test_an_empty_cell_takes_its_room() -> None:
    assert align(["A\tPORTS\tNAMES", "1\t\tx"]) == ["A         PORTS     NAMES", "1                   x"]


def test_a_line_without_tabs_parts_the_columns() -> None:
    lines = align(["a long first cell\tx", "no cells", "1\tx"])
    assert lines == ["a long first cell   x", "no cells", "1         x"]


def test_wide_characters_count_once() -> None:
    assert align(["…" * 9 + "\tx"]) == ["…" * 9 + "   x"]
