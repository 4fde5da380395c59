"""Odd requests to every operation of the contract: no fault of the engine, and nothing of them is left.

The requests are made from the contract and a fixed seed, so that a failure can be had again: names, queries,
bodies and headers that no client sends. What the operations would do to the engine's own life is left out.
"""

import json
import random
import socket
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from engine_kit.client import Answer
from engine_kit.engine import OwnEngine
from engine_kit.image import IMAGE
from wharf.api.contract import OPERATIONS
from wharf.schema.container import ContainerConfig
from wharf.schema.host_config import HostConfig
from wharf.schema.struct import members

_ENDLESS = {
    "/distribution/{name}/json",
    "/auth",
    "/images/search",
    "/events",
    "/session",
    "/grpc",
    "/containers/{id}/attach",
    "/containers/{id}/attach/ws",
}
"""These answer for as long as the client stays, or ask a registry elsewhere."""

_NAMES = (
    "",
    ".",
    "..",
    "a" * 5000,
    "%00",
    "%ff%fe",
    "sha256:zz",
    "-",
    "a b",
    "x/y/z",
    "'\"\\",
    "ünïcödé",
    "$(id)",
)
_VALUES: tuple[object, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    2**63,
    -(2**70),
    "",
    "x",
    "\0",
    "\ud7ff\uffff",
    "a" * 70000,
    [],
    [None],
    [[[]]],
    {},
    {"": None},
    {"a": {"b": {"c": []}}},
)
_QUERY_VALUES = (
    "",
    "1",
    "-1",
    "x",
    "true",
    "%00",
    "99999999999999999999",
    "{",
    '{"a":["b"]}',
    '{"a":1}',
    "[]",
    "\n",
)
_QUERIES = (
    "filters",
    "all",
    "limit",
    "size",
    "signal",
    "t",
    "name",
    "h",
    "w",
    "force",
    "tail",
    "since",
    "until",
    "platform",
)
_BODIES = (
    b"",
    b"null",
    b"{",
    b"[]",
    b'"x"',
    b"\xff\xfe",
    b"{}" * 2,
    b"[" * 100_000,
    b'{"a":' * 5000,
    b"0" * 1_000_000,
)

_REFUSED_BY_DOCKER_WITH_500 = (
    "strconv.",
    "invalid --security-opt",
    "bad format for links",
    "Cannot mkdir",
    "mkdir ",
    "Unknown option",
    "--storage-opt",
    "interface specific sysctl",
    "Decoding seccomp profile failed",
)
"""How the words begin of what dockerd 28.5 itself answers with 500, though the client is at fault."""


def _paths(chance: random.Random) -> Iterator[tuple[str, str]]:
    for method, template in OPERATIONS:
        if template in _ENDLESS:
            continue
        for _ in range(6):
            path = template
            while "{" in path:
                head, _, rest = path.partition("{")
                path = head + quote(chance.choice(_NAMES), safe="%") + rest.partition("}")[2]
            pairs = [
                f"{chance.choice(_QUERIES)}={quote(chance.choice(_QUERY_VALUES), safe='%')}" for _ in range(2)
            ]
            version = chance.choice(("", "/v1.24", "/v1.40", "/v1.51", "/v9.9", "/v1.x"))
            yield method, f"{version}{path}?{'&'.join(pairs)}"


def _check(asked: str, answer: Answer) -> None:
    if answer.status < 500 or answer.status in (501, 503):
        return
    assert answer.message.startswith(_REFUSED_BY_DOCKER_WITH_500), (
        f"{asked}: {answer.status} {answer.body[:300]!r}"
    )


@pytest.mark.kernel
def test_no_operation_fails_by_an_odd_name_query_or_body(own_engine: OwnEngine) -> None:
    chance = random.Random(28052)
    for method, target in _paths(chance):
        body = chance.choice(_BODIES) if method != "GET" else None
        kind = chance.choice(("application/json", "application/json; charset=utf-8", "text/plain", ""))
        answer = own_engine.http(method, target, body=body, headers={"Content-Type": kind})
        _check(f"{method} {target} {(body or b'')[:60]!r}", answer)


@pytest.mark.kernel
def test_no_member_of_a_create_request_makes_the_engine_fail(own_engine: OwnEngine) -> None:
    chance = random.Random(28053)
    for kind in (ContainerConfig, HostConfig):
        for member in members(kind):
            for value in chance.sample(_VALUES, 7):
                odd = {member: value}
                wanted = (
                    {"Image": IMAGE, **odd}
                    if kind is ContainerConfig
                    else {"Image": IMAGE, "HostConfig": odd}
                )
                body = json.dumps(wanted).encode()
                answer = own_engine.http(
                    "POST", "/containers/create", body=body, headers={"Content-Type": "application/json"}
                )
                _check(f"create {body[:200]!r}", answer)
                if answer.status == 201:
                    made = answer.json()
                    assert isinstance(made, dict)
                    shown = own_engine.http("GET", f"/containers/{made['Id']}/json")
                    assert shown.status == 200, f"inspect of {body[:200]!r}: {shown.body!r}"
                    assert own_engine.http("DELETE", f"/containers/{made['Id']}?v=1").status == 204


@pytest.mark.kernel
def test_half_a_request_harms_nobody_else(own_engine: OwnEngine) -> None:
    halves = (
        b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
        b"GET /info HTTP/1.1\r\nHo",
        b"POST /auth HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        b"\x16\x03\x01\x02\x00",
        b"GET /" + b"a" * 200_000,
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000,
    )
    kept: list[socket.socket] = []
    try:
        for half in halves:
            bare = own_engine.http.open()
            kept.append(bare)
            try:
                bare.sendall(half)
            except (BrokenPipeError, ConnectionResetError):
                continue
        assert own_engine.http("GET", "/_ping").status == 200
    finally:
        for bare in kept:
            bare.close()
