"""The client of the Engine API: versions, connections, bodies and errors."""

import contextlib
import io
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_kit import answer, listening
from wharf.client.address import Address
from wharf.client.engine import Engine
from wharf.client.errors import ApiError, BadAddress, BrokenAnswer, CannotConnect
from wharf.client.frames import Frames
from wharf.client.http import Connection, Response
from wharf.client.query import Query, encode_filters, encode_query, quote, version_key


def _engine(host: str) -> Engine:
    return Engine(Address(host))


def test_the_newest_version_is_asked_without_a_ping(tmp_path: Path) -> None:
    with listening(tmp_path, [answer(200, {"a": 1})]) as listener:
        engine = _engine(listener.host)
        assert engine.json("GET", "/info") == {"a": 1}
        engine.close()
    assert [request.path for request in listener.requests] == ["/v1.51/info"]


def test_an_older_engine_is_asked_again_with_its_own_version(tmp_path: Path) -> None:
    words = "client version 1.51 is too new. Maximum supported API version is 1.43"
    with listening(tmp_path, [answer(400, {"message": words}), answer(200, 1), answer(200, 2)]) as listener:
        engine = _engine(listener.host)
        assert engine.json("POST", "/x", body={"a": 1}) == 1
        assert engine.json("GET", "/y") == 2
        engine.close()
    assert [request.path for request in listener.requests] == ["/v1.51/x", "/v1.43/x", "/v1.43/y"]
    assert listener.requests[1].json() == {"a": 1}


def test_a_fixed_version_is_not_changed(tmp_path: Path) -> None:
    words = "client version 1.60 is too new. Maximum supported API version is 1.51"
    with listening(tmp_path, [answer(400, {"message": words})]) as listener:
        engine = Engine(Address(listener.host), version="1.60")
        with pytest.raises(ApiError, match=r"1\.60 is too new"):
            engine.json("GET", "/x")
        engine.close()


def test_a_streamed_body_is_sent_in_chunks_after_a_ping(tmp_path: Path) -> None:
    with listening(tmp_path, [answer(200, {"stream": "done"})]) as listener:
        engine = _engine(listener.host)
        messages = list(engine.events("POST", "/load", stream=iter([b"ab", b"", b"c" * 100_000])))
        engine.close()
    assert messages == [{"stream": "done"}]
    assert listener.requests[0].body == b"ab" + b"c" * 100_000


def test_the_engines_refusal_has_its_status_and_words(tmp_path: Path) -> None:
    with listening(tmp_path, [answer(409, {"message": "in use"})]) as listener:
        engine = _engine(listener.host)
        with pytest.raises(ApiError) as caught:
            engine.json("DELETE", "/x")
        engine.close()
    assert (caught.value.status, caught.value.message) == (409, "in use")
    assert str(caught.value) == "Error response from daemon: in use"


def test_one_connection_serves_several_requests(tmp_path: Path) -> None:
    with listening(tmp_path, [answer(200, 1), answer(200, 2)]) as listener:
        engine = _engine(listener.host)
        # The listener serves one connection after the other: a second one would wait for ever.
        assert [engine.json("GET", "/a"), engine.json("GET", "/b")] == [1, 2]
        engine.close()


def test_a_connection_that_idled_too_long_is_replaced(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()

    def serve() -> None:
        for body in (b"1", b"2"):
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + body)

    thread = threading.Thread(target=serve)
    thread.start()
    engine = _engine(f"unix://{path}")
    assert [engine.json("GET", "/a"), engine.json("GET", "/b")] == [1, 2]
    engine.close()
    thread.join(10)
    server.close()


def test_nobody_there_is_said_in_dockers_words(tmp_path: Path) -> None:
    host = f"unix://{tmp_path}/nosuch"
    with pytest.raises(CannotConnect) as caught:
        _engine(host).ping()
    assert (
        str(caught.value) == f"Cannot connect to the Docker daemon at {host}. Is the docker daemon running?"
    )


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("foo://x", "invalid bind address format: foo://x"),
        ("tcp://h:port", "invalid bind address format"),
        ("tcp://h:99999", "invalid bind address format"),
        ("nothing", "unable to parse docker host `nothing`"),
        ("ssh://user@host", "ssh connections are not available yet"),
    ],
)
def test_addresses_that_cannot_be_used_are_refused(url: str, words: str) -> None:
    with pytest.raises(BadAddress, match=words):
        Address(url)


@contextlib.contextmanager
def _response(raw: bytes) -> Iterator[Response]:
    ours, theirs = socket.socketpair()
    with ours:
        theirs.sendall(raw)
        theirs.close()
        connection = Connection(ours)
        status, headers = connection.receive_head()
        yield Response(connection, status, headers, bodyless=False)


def _body(raw: bytes) -> bytes:
    with _response(raw) as response:
        return response.read()


def test_chunks_are_put_together() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    raw = head + b"3\r\nabc\r\na;x=y\r\n0123456789\r\n0\r\nT: 1\r\n\r\n"
    assert _body(raw) == b"abc0123456789"


def test_a_body_may_last_until_the_connection_ends() -> None:
    assert _body(b"HTTP/1.1 200 OK\r\n\r\nall of it") == b"all of it"


def test_an_interim_answer_is_passed_over() -> None:
    assert _body(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") == b"ok"


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 2",
    ],
)
def test_an_answer_that_breaks_off_or_is_no_http_is_broken(raw: bytes) -> None:
    with pytest.raises(BrokenAnswer):
        _body(raw)


def test_lines_come_as_they_arrive_in_any_pieces() -> None:
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{}\n{\r\n3\r\n}\r\n\r\n0\r\n\r\n"
    with _response(raw) as response:
        assert list(response.lines()) == [b"{}", b"{}"]


def test_frames_come_apart_in_pieces_of_any_size() -> None:
    stream = b"\1\0\0\0\0\0\0\3abc" + b"\2\0\0\0\0\0\0\1x" + b"\1\0\0\0\0\0\0\0"
    for size in range(1, len(stream)):
        frames, source = Frames(), io.BytesIO(stream)
        pieces = [piece for data in iter(lambda: source.read(size), b"") for piece in frames.feed(data)]  # noqa: B023 - used at once
        assert b"".join(content for number, content in pieces if number == 1) == b"abc"
        assert b"".join(content for number, content in pieces if number == 2) == b"x"


def test_a_stream_of_something_else_is_broken() -> None:
    with pytest.raises(BrokenAnswer, match="Unrecognized input header: 104"):
        Frames().feed(b"hello, world")


def test_queries_are_encoded_sorted_and_without_what_is_none() -> None:
    query: Query = {"b": True, "a": "x y/ö", "n": None, "l": ["1", "2"], "z": 0}
    assert encode_query(query) == "?a=x%20y%2F%C3%B6&b=1&l=1&l=2&z=0"
    assert encode_query({}) == ""


def test_filters_are_an_object_of_objects() -> None:
    encoded = encode_filters({"label": ["a", "b=c"]})
    assert encoded is not None
    assert json.loads(encoded) == {"label": {"a": True, "b=c": True}}
    assert encode_filters({}) is None


def test_names_of_images_keep_their_slashes() -> None:
    assert quote("a/b:c@d e", "/:@") == "a/b:c@d%20e"


def test_versions_are_compared_by_number() -> None:
    assert version_key("1.9") < version_key("1.24") < version_key("1.51")
