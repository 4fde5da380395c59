"""The API as bytes on a socket: what no client library shows."""

import json
import socket
import struct

import pytest

from engine_kit.engine import Engine
from engine_kit.image import IMAGE
from engine_kit.patience import eventually


def _read_head(link: socket.socket) -> tuple[str, dict[str, str], bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = link.recv(4096)
        assert piece, f"closed after {data!r}"
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return status, {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}, rest


def _read_all(link: socket.socket, data: bytes = b"") -> bytes:
    while piece := link.recv(65536):
        data += piece
    return data


def _frames(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    while data:
        kind, length = struct.unpack(">BxxxI", data[:8])
        found.append((kind, data[8 : 8 + length]))
        data = data[8 + length :]
    return found


def _create(engine: Engine, command: list[str], **config: object) -> str:
    answer = engine.http("POST", "/containers/create", {"Image": IMAGE, "Cmd": command, **config})
    assert answer.status == 201, answer.body
    document = answer.json()
    assert isinstance(document, dict)
    return str(document["Id"])


def test_ping_says_which_api_it_speaks(engine: Engine) -> None:
    answer = engine.http("GET", "/_ping")
    assert (answer.status, answer.body) == (200, b"OK")
    assert answer.headers["Api-Version"] == "1.51"
    assert answer.headers["Ostype"] == "linux"
    assert engine.http("HEAD", "/_ping").body == b""


@pytest.mark.parametrize("version", ["1.24", "1.41", "1.51"])
def test_every_supported_version_is_served(engine: Engine, version: str) -> None:
    assert engine.http("GET", f"/v{version}/version").status == 200


@pytest.mark.parametrize(("version", "word"), [("1.23", "too old"), ("1.99", "too new")])
def test_other_versions_are_refused_by_name(engine: Engine, version: str, word: str) -> None:
    answer = engine.http("GET", f"/v{version}/version")
    assert answer.status == 400
    assert word.encode() in answer.body


def test_an_unknown_page_is_not_found(engine: Engine) -> None:
    answer = engine.http("GET", "/v1.51/nosuchpage")
    assert (answer.status, answer.message) == (404, "page not found")


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b'{"Image": 3}', b"\xff\xfe"])
def test_a_malformed_body_is_the_clients_fault(engine: Engine, body: bytes) -> None:
    answer = engine.http(
        "POST", "/containers/create", body=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status == 400, answer.body


def test_a_body_of_another_type_is_refused(engine: Engine) -> None:
    answer = engine.http("POST", "/containers/create", body=b"{}", headers={"Content-Type": "text/plain"})
    assert answer.status == 400
    assert "unsupported Content-Type" in answer.message


def test_an_attached_connection_is_upgraded_and_framed(engine: Engine) -> None:
    container = _create(engine, ["sh", "-c", "cat; echo err >&2"], OpenStdin=True, StdinOnce=True)
    with engine.http.open() as link:
        link.sendall(
            f"POST /v1.51/containers/{container}/attach?stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\n"
            "Host: engine\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n".encode()
        )
        status, headers, rest = _read_head(link)
        assert status == "HTTP/1.1 101 UPGRADED"
        assert headers["content-type"] == "application/vnd.docker.multiplexed-stream"
        assert headers["upgrade"] == "tcp"
        assert engine.http("POST", f"/containers/{container}/start").status == 204
        link.sendall(b"back and forth\n")
        link.shutdown(socket.SHUT_WR)
        assert _frames(_read_all(link, rest)) == [(1, b"back and forth\n"), (2, b"err\n")]


def test_without_the_upgrade_header_the_answer_is_a_plain_200(engine: Engine) -> None:
    container = _create(engine, ["echo", "hello"], Tty=True)
    with engine.http.open() as link:
        link.sendall(
            f"POST /containers/{container}/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: engine\r\n\r\n".encode()
        )
        status, headers, rest = _read_head(link)
        assert status == "HTTP/1.1 200 OK"
        assert headers["content-type"] == "application/vnd.docker.raw-stream"
        assert engine.http("POST", f"/containers/{container}/start").status == 204
        assert _read_all(link, rest) == b"hello\r\n"


def test_wait_sends_its_headers_before_the_end(engine: Engine) -> None:
    container = _create(engine, ["sleep", "1000"])
    engine.http("POST", f"/containers/{container}/start")
    with engine.http.open() as link:
        link.sendall(f"POST /containers/{container}/wait HTTP/1.1\r\nHost: engine\r\n\r\n".encode())
        status, _, rest = _read_head(link)
        assert status == "HTTP/1.1 200 OK"
        assert rest == b""
        engine.http("POST", f"/containers/{container}/kill")
        assert b'{"StatusCode":137}' in link.recv(4096)


def test_starting_what_runs_and_stopping_what_does_not_is_no_change(engine: Engine) -> None:
    container = _create(engine, ["sleep", "1000"])
    assert engine.http("POST", f"/containers/{container}/start").status == 204
    assert engine.http("POST", f"/containers/{container}/start").status == 304
    assert engine.http("POST", f"/containers/{container}/stop?t=0").status == 204
    assert engine.http("POST", f"/containers/{container}/stop").status == 304


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/containers/wt-nosuch/json", 404),
        ("POST", "/containers/wt-nosuch/start", 404),
        ("DELETE", "/containers/wt-nosuch", 404),
        ("GET", "/containers/wt-nosuch/logs?stdout=1", 404),
        ("POST", "/exec/nosuch/start", 404),
        ("GET", "/exec/nosuch/json", 404),
        ("GET", "/images/wt-nosuch/json", 404),
        ("DELETE", "/images/wt-nosuch", 404),
        ("GET", "/containers/json?filters={", 400),
        ("POST", "/containers/create?name=%20", 400),
    ],
)
def test_faults_have_their_status(engine: Engine, method: str, target: str, status: int) -> None:
    document = (
        {"Image": IMAGE} if target.startswith("/containers/create") else {} if "exec" in target else None
    )
    answer = engine.http(method, target, document)
    assert answer.status == status, answer.body
    assert list(json.loads(answer.body)) == ["message"]


def test_logs_need_a_stream(engine: Engine) -> None:
    container = _create(engine, ["true"])
    answer = engine.http("GET", f"/containers/{container}/logs")
    assert answer.status == 400
    assert answer.message == "Bad parameters: you must choose at least one stream"


def test_a_connection_is_kept_for_many_requests(engine: Engine) -> None:
    with engine.http.open() as link:
        for _ in range(3):
            link.sendall(b"GET /_ping HTTP/1.1\r\nHost: engine\r\n\r\n")
            status, headers, rest = _read_head(link)
            assert status == "HTTP/1.1 200 OK"
            while len(rest) < int(headers["content-length"]):
                rest += link.recv(100)


@pytest.mark.parametrize(
    "garbage", [b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00"]
)
def test_what_is_not_http_is_answered_or_closed_and_forgotten(engine: Engine, garbage: bytes) -> None:
    with engine.http.open() as link:
        link.sendall(garbage)
        link.shutdown(socket.SHUT_WR)
        assert _read_all(link)[:5] in (b"", b"HTTP/")
    assert engine.http("GET", "/_ping").status == 200


def test_a_client_that_goes_away_while_attached_is_let_go(engine: Engine) -> None:
    container = _create(engine, ["sleep", "1000"], OpenStdin=True)
    assert engine.http("POST", f"/containers/{container}/start").status == 204
    with engine.http.open() as link:
        link.sendall(
            f"POST /containers/{container}/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\n"
            "Host: engine\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n".encode()
        )
        _read_head(link)
    answer = eventually(lambda: engine.http("GET", f"/containers/{container}/json"))
    assert b'"Running":true' in answer.body.replace(b" ", b"")


def test_an_exec_has_its_code_and_pid_in_inspect(engine: Engine) -> None:
    container = _create(engine, ["sleep", "1000"])
    engine.http("POST", f"/containers/{container}/start")
    made = engine.http(
        "POST", f"/containers/{container}/exec", {"Cmd": ["sh", "-c", "exit 21"], "AttachStdout": True}
    )
    assert made.status == 201, made.body
    document = made.json()
    assert isinstance(document, dict)
    exec_id = document["Id"]
    before = engine.http("GET", f"/exec/{exec_id}/json").json()
    assert isinstance(before, dict)
    assert (before["Running"], before["ExitCode"]) == (False, None)
    assert engine.http("POST", f"/exec/{exec_id}/start", {"Detach": False}).status == 200

    def ended() -> bool:
        after = engine.http("GET", f"/exec/{exec_id}/json").json()
        assert isinstance(after, dict)
        return (after["Running"], after["ExitCode"]) == (False, 21)

    eventually(ended, what="the exec to be recorded")
