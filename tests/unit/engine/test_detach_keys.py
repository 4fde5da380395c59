"""The keys that leave a container."""

import pytest

from wharf.engine.containers.detach_keys import parse_detach_keys
from wharf.errors import InvalidParameter


@pytest.mark.parametrize(
    ("text", "keys"),
    [("", [16, 17]), (None, [16, 17]), ("ctrl-a", [1]), ("a,ctrl-[", [97, 27]), ("ctrl-@", [0])],
)
def test_a_sequence_becomes_bytes(text: str | None, keys: list[int]) -> None:
    assert parse_detach_keys(text) == keys


@pytest.mark.parametrize("text", ["ctrl-é", "ab", "ctrl-", "a,,b"])
def test_what_is_no_key_is_refused_in_dockers_words(text: str) -> None:
    with pytest.raises(InvalidParameter, match=r"^Invalid detach keys \(.*\) provided$"):
        parse_detach_keys(text)
