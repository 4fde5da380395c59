"""Filters as clients write them and as lists use them."""

import pytest

from wharf.errors import InvalidParameter
from wharf.schema.filters import Filters


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Filters()),
        ("null", Filters()),
        ("{}", Filters()),
        ('{"a":{"x":true,"y":true}}', Filters({"a": ["x", "y"]})),
        ('{"a":{"x":false}}', Filters({"a": ["x"]})),
        ('{"a":["x"]}', Filters({"a": ["x"]})),
    ],
)
def test_both_forms_are_read(text: str, expected: Filters) -> None:
    assert Filters.parse(text) == expected


@pytest.mark.parametrize("text", ["x", "[]", '{"a":"x"}', '{"a":[1]}', '{"a":', "1"])
def test_other_forms_are_invalid(text: str) -> None:
    with pytest.raises(InvalidParameter, match=r"^invalid filter$"):
        Filters.parse(text)


def test_an_unknown_name_is_invalid() -> None:
    with pytest.raises(InvalidParameter, match=r"^invalid filter 'x'$"):
        Filters({"label": ["a"], "x": ["b"]}).check({"label"})


@pytest.mark.parametrize(
    ("values", "truth"),
    [(["true"], True), (["1"], True), (["false"], False), (["0"], False), (["1", "true"], True)],
)
def test_a_truth_is_read(values: list[str], *, truth: bool) -> None:
    assert Filters({"dangling": values}).boolean("dangling", default=not truth) is truth


@pytest.mark.parametrize("values", [["bogus"], ["true", "false"], ["true", "bogus"]])
def test_another_truth_is_invalid(values: list[str]) -> None:
    with pytest.raises(InvalidParameter, match=r"^invalid filter 'dangling=\[.*\]'$"):
        Filters({"dangling": values}).boolean("dangling", default=False)


def test_what_was_not_asked_for_lets_everything_pass() -> None:
    nothing = Filters()
    assert nothing.exact("k", "v")
    assert nothing.prefix("k", "v")
    assert nothing.matches("k", "v")
    assert nothing.labels("k", None)
    assert nothing.boolean("k", default=True)


def test_exact_takes_any_of_the_values() -> None:
    filters = Filters({"k": ["a", "b"]})
    assert filters.exact("k", "b")
    assert filters.exact("k", "c", "a")
    assert not filters.exact("k", "c")


def test_matches_takes_patterns_and_survives_bad_ones() -> None:
    assert Filters({"name": ["^we.$"]}).matches("name", "web")
    assert not Filters({"name": ["("]}).matches("name", "web")
    assert Filters({"name": ["("]}).matches("name", "(")


def test_labels_must_all_hold() -> None:
    labels = {"a": "1", "b": ""}
    assert Filters({"label": ["a", "b="]}).labels("label", labels)
    assert Filters({"label": ["a=1"]}).labels("label", labels)
    assert not Filters({"label": ["a", "c"]}).labels("label", labels)
    assert not Filters({"label": ["a=2"]}).labels("label", labels)


def test_adding_leaves_the_filters_as_they_were() -> None:
    filters = Filters({"a": ["x"]})
    assert filters.adding("a", "y") == Filters({"a": ["x", "y"]})
    assert filters == Filters({"a": ["x"]})
