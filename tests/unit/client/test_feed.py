"""A streamed answer read piece by piece, however the pieces are cut."""

import socket

import pytest

from wharf.client.errors import BrokenAnswer
from wharf.client.feed import Feed
from wharf.client.http import Connection, Response

_CHUNKED = {"transfer-encoding": "chunked"}
_LINES = b'5\r\n{"a":\r\n4\r\n 1}\n\r\n6\r\n{}\n{}\n\r\n0\r\n\r\n'


def _feed(ours: socket.socket, headers: dict[str, str]) -> Feed:
    return Feed(Response(Connection(ours), 200, headers, bodyless=False))


def test_lines_come_out_of_chunks_cut_anywhere() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        feed = _feed(ours, _CHUNKED)
        found: list[bytes] = []
        for at in range(len(_LINES)):
            theirs.sendall(_LINES[at : at + 1])
            found += feed.lines()
        assert found == [b'{"a": 1}', b"{}", b"{}"]
        assert feed.ended


def test_nothing_is_waited_for() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        feed = _feed(ours, _CHUNKED)
        assert feed.lines() == []
        assert not feed.ended


def test_a_body_of_known_length_ends_with_it() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        feed = _feed(ours, {"content-length": "5"})
        theirs.sendall(b"one\n2")
        assert feed.lines() == [b"one", b"2"]
        assert feed.ended


def test_a_closed_connection_is_an_end() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        feed = _feed(ours, _CHUNKED)
        theirs.close()
        assert feed.lines() == []
        assert feed.ended


def test_what_is_no_chunk_is_refused() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        feed = _feed(ours, _CHUNKED)
        theirs.sendall(b"zz\r\n")
        with pytest.raises(BrokenAnswer, match="malformed chunk size"):
            feed.lines()
