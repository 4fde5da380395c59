"""The command line of wharf-runtime."""

import pytest

from wharf.errors import InvalidParameter
from wharf.runtime.program.flags import Flag, parse

FLAGS = {"bundle": Flag(short="b"), "detach": Flag(takes_value=False, short="d"), "env": Flag(short="e")}
UNSUPPORTED = {"no-pivot": Flag(takes_value=False)}


@pytest.mark.parametrize(
    "words", [["--bundle", "x"], ["--bundle=x"], ["-b", "x"], ["-bundle", "x"], ["-b=x"]]
)
def test_a_value_may_be_given_in_every_way_of_go(words: list[str]) -> None:
    assert parse([*words, "name"], FLAGS, UNSUPPORTED).last("bundle") == "x"


def test_flags_after_the_first_argument_are_arguments() -> None:
    parsed = parse(["-d", "name", "ls", "-l", "--bundle"], FLAGS, UNSUPPORTED)
    assert (parsed.has("detach"), parsed.arguments) == (True, ["name", "ls", "-l", "--bundle"])


def test_two_dashes_end_the_flags() -> None:
    assert parse(["--", "-d"], FLAGS, UNSUPPORTED).arguments == ["-d"]


def test_a_flag_may_come_several_times() -> None:
    assert parse(["-e", "A=1", "-e", "B=2"], FLAGS, UNSUPPORTED).values["env"] == ["A=1", "B=2"]


def test_a_flag_may_be_switched_off() -> None:
    assert not parse(["--detach=false"], FLAGS, UNSUPPORTED).has("detach")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--nosuch"], "flag provided but not defined: -nosuch"),
        (["--bundle"], "flag needs an argument: -bundle"),
        (["--no-pivot"], "flag --no-pivot is not supported by this runtime"),
    ],
)
def test_what_cannot_be_done_is_said(words: list[str], message: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        parse(words, FLAGS, UNSUPPORTED)
    assert str(caught.value) == message
