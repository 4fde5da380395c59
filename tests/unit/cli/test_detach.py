"""Detach keys are read and found wherever they are typed."""

import pytest

from wharf.cli.streams.detach import KeyWatch, parse_keys


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", b"\x10\x11"),
        ("ctrl-a,a", b"\x01a"),
        ("DEL", b"\x7f"),
        ("ctrl-@", b"\0"),
        ("ctrl-[,ctrl-_", b"\x1b\x1f"),
    ],
)
def test_keys_are_read(text: str, keys: bytes) -> None:
    assert parse_keys(text) == keys


@pytest.mark.parametrize("text", ["ctrl-1", "ab", "ctrl-", "a,,b", "ctrl-A"])
def test_unknown_keys_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="unknown character"):
        parse_keys(text)


def test_keys_are_found_across_pieces() -> None:
    watch = KeyWatch(b"\x10\x11")
    assert watch.feed(b"ls\x10") == (b"ls", False)
    assert watch.feed(b"\x11rest") == (b"", True)


def test_what_only_began_like_the_keys_is_passed_on() -> None:
    watch = KeyWatch(b"\x10\x11")
    assert watch.feed(b"\x10") == (b"", False)
    assert watch.feed(b"x") == (b"\x10x", False)
    assert watch.feed(b"\x10\x10\x11") == (b"\x10", True)


def test_a_single_key_is_found() -> None:
    assert KeyWatch(b"q").feed(b"abqc") == (b"ab", True)
