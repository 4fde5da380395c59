"""Environment and program look-up."""

from pathlib import Path

import pytest

from wharf.runtime import command
from wharf.runtime.errors import Refused


def test_the_last_value_of_a_name_counts_and_stands_where_it_was_given() -> None:
    assert list(command.environment(["A=1", "B=2", "A=3", "HOME=/h"], "/x").items()) == [
        ("B", "2"),
        ("A", "3"),
        ("HOME", "/h"),
    ]


@pytest.mark.parametrize("entries", [[], ["HOME="]])
def test_home_is_filled_in(entries: list[str]) -> None:
    assert command.environment(entries, "/root")["HOME"] == "/root"


def test_a_value_may_hold_equals_signs_and_nothing() -> None:
    assert command.environment(["A=b=c", "D="], "/")["A"] == "b=c"


@pytest.mark.parametrize("entry", ["NOVALUE", "", "=x", "A=\0"])
def test_an_entry_that_is_none_is_refused(entry: str) -> None:
    with pytest.raises(Refused, match="invalid environment variable"):
        command.environment([entry], "/")


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("a", '"a"'),
        ('a"b\\', '"a\\"b\\\\"'),
        ("a\nb", '"a\\nb"'),
        ("\x1b", '"\\x1b"'),
        ("\u202e", '"\\u202e"'),
    ],
)
def test_texts_are_quoted_as_go_does(text: str, quoted: str) -> None:
    assert command.quoted(text) == quoted


def test_the_first_folder_with_an_executable_file_counts(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
    (tmp_path / "one/x").mkdir()
    (tmp_path / "two/x").touch(0o755)
    (tmp_path / "three/x").touch(0o755)
    path = f"{tmp_path}/none:{tmp_path}/one:{tmp_path}/two:{tmp_path}/three"
    assert command.find("x", path) == f"{tmp_path}/two/x"


def test_a_file_without_the_mode_is_not_executable(tmp_path: Path) -> None:
    (tmp_path / "x").touch(0o644)
    with pytest.raises(Refused, match="permission denied"):
        command.find(f"{tmp_path}/x", "")


def test_a_dangling_link_is_missing(tmp_path: Path) -> None:
    (tmp_path / "x").symlink_to("nowhere")
    with pytest.raises(Refused, match=f"stat {tmp_path}/x: no such file or directory"):
        command.find(f"{tmp_path}/x", "")
