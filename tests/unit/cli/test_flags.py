"""The flag parser follows pflag's rules."""

import pytest

from wharf.cli.errors import WrongFlags
from wharf.cli.flags import Flag, Parsed, parse
from wharf.cli.kinds import FILTER, INT, LIST, STRING, SWITCH

FLAGS = (
    Flag("all", SWITCH, short="a"),
    Flag("interactive", SWITCH, short="i"),
    Flag("tty", SWITCH, short="t"),
    Flag("proxy", SWITCH, default=True),
    Flag("name", STRING, short="n"),
    Flag("count", INT, short="c", default=-1),
    Flag("env", LIST, short="e"),
    Flag("environment", LIST, same_as="env"),
    Flag("filter", FILTER, short="f"),
    Flag("old", STRING, deprecated="use --name instead"),
)


def _parse(line: str, *, interspersed: bool = True) -> Parsed:
    return parse(FLAGS, line.split(), interspersed=interspersed)


@pytest.mark.parametrize("line", ["--name x", "--name=x", "-n x", "-nx", "-n=x"])
def test_a_value_may_follow_in_every_form(line: str) -> None:
    assert _parse(line).text("name") == "x"


def test_switches_may_stand_in_a_cluster_whose_last_takes_a_value() -> None:
    parsed = _parse("-itn x -aec=1")
    assert parsed.on("interactive")
    assert parsed.on("tty")
    assert parsed.on("all")
    assert parsed.text("name") == "x"
    assert parsed.texts("env") == ["c=1"]


@pytest.mark.parametrize("word", ["false", "0", "f", "F", "FALSE", "False"])
def test_a_switch_can_be_turned_off(word: str) -> None:
    assert not _parse(f"--proxy={word}").on("proxy")


def test_a_switch_takes_no_following_word() -> None:
    parsed = _parse("--all false")
    assert parsed.on("all")
    assert parsed.arguments == ["false"]


def test_defaults_hold_where_nothing_is_said() -> None:
    parsed = _parse("")
    assert (parsed.number("count"), parsed.on("proxy"), parsed.texts("env")) == (-1, True, [])
    assert parsed.changed == set()


def test_flags_and_arguments_may_be_mixed() -> None:
    parsed = _parse("x -n y z --all")
    assert parsed.arguments == ["x", "z"]
    assert parsed.on("all")


def test_the_first_argument_may_end_the_flags() -> None:
    parsed = _parse("-i x -t --nosuch", interspersed=False)
    assert parsed.arguments == ["x", "-t", "--nosuch"]
    assert not parsed.on("tty")


def test_two_dashes_end_the_flags() -> None:
    assert _parse("-i -- -t --").arguments == ["-t", "--"]
    assert _parse("-i -- -t --", interspersed=False).arguments == ["-t", "--"]


def test_a_lone_dash_is_an_argument() -> None:
    assert _parse("- -i").arguments == ["-"]


def test_another_name_of_a_flag_adds_to_the_same_list() -> None:
    assert _parse("--env a --environment b").texts("env") == ["a", "b"]


def test_filters_are_gathered_by_name() -> None:
    assert _parse("-f a=1 -f A=2 --filter b=x=y").pairs("filter") == {"a": ["1", "2"], "b": ["x=y"]}


def test_a_deprecated_flag_is_noticed() -> None:
    assert _parse("--old x").notices == ["Flag --old has been deprecated, use --name instead"]


@pytest.mark.parametrize("text", ["0x10", "16", "020", "0b10000", "0o20", "1_6", "+16"])
def test_numbers_may_be_written_as_in_go(text: str) -> None:
    assert _parse(f"--count {text}").number("count") == 16


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--nosuch", "unknown flag: --nosuch"),
        ("--nosuch=1", "unknown flag: --nosuch"),
        ("-iz", "unknown shorthand flag: 'z' in -z"),
        ("--name", "flag needs an argument: --name"),
        ("-an", "flag needs an argument: 'n' in -n"),
        ("--=x", "bad flag syntax: --=x"),
        ("---x", "bad flag syntax: ---x"),
        (
            "-c x",
            'invalid argument "x" for "-c, --count" flag: strconv.ParseInt: parsing "x": invalid syntax',
        ),
        (
            "--proxy=x",
            'invalid argument "x" for "--proxy" flag: strconv.ParseBool: parsing "x": invalid syntax',
        ),
        ("--proxy=", 'invalid argument "" for "--proxy" flag: strconv.ParseBool: parsing "": invalid syntax'),
    ],
)
def test_mistakes_are_named(line: str, words: str) -> None:
    with pytest.raises(WrongFlags) as caught:
        _parse(line)
    assert str(caught.value) == words
