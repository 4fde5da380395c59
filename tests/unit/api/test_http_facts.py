"""The HTTP facts of dockerd 28.5, held against an API with a fake engine behind it."""

from typing import NamedTuple

import pytest

from api_kit import Api
from wharf import limits

DAEMON = {
    "Api-Version": "1.51",
    "Docker-Experimental": "false",
    "Ostype": "linux",
    "Server": "Docker/28.5.2 (linux)",
}
JSON = {"Content-Type": "application/json"}


class Case(NamedTuple):
    name: str
    method: str
    path: str
    body: bytes
    headers: dict[str, str]
    status: int
    message: str


def case(
    name: str,
    method: str,
    path: str,
    status: int,
    message: str,
    *,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
) -> Case:
    return Case(name, method, path, body, headers or {}, status, message)


CREATE = "/v1.51/containers/create"
EMPTY = "config cannot be empty in order to create a container"
EOF = "invalid JSON: got EOF while reading request body"
UNMARSHAL = "invalid JSON: json: cannot unmarshal"

ERRORS = [
    case("unknown path", "GET", "/v1.51/nothing", 404, "page not found"),
    case("known path, wrong method", "PUT", "/v1.51/info", 404, "page not found"),
    case("a version alone", "GET", "/v1.51/", 404, "page not found"),
    case("a slash too many", "GET", "/containers/json/", 404, "page not found"),
    case("too new", "GET", "/v1.52/info", 400,
         "client version 1.52 is too new. Maximum supported API version is 1.51"),
    case("much too new", "GET", "/v2.0/info", 400,
         "client version 2.0 is too new. Maximum supported API version is 1.51"),
    case("no such container", "GET", "/containers/nope/json", 404, "No such container: nope"),
    case("a name with an escaped slash", "GET", "/containers/a%2Fb/json", 404, "No such container: a/b"),
    case("no such image", "GET", "/images/nope/json", 404, "No such image: nope:latest"),
    case("no such network", "GET", "/networks/nope", 404, "network nope not found"),
    case("network of another scope", "GET", "/networks/bridge?scope=swarm", 404, "network bridge not found"),
    case("state conflict", "POST", "/containers/c1/pause", 409, "container c1 is not running"),
    case("a bug", "POST", "/containers/c1/unpause", 500, "internal error: RuntimeError: a bug in c1"),
    case("not implemented", "POST", "/v1.51/swarm/init", 501,
         "POST /swarm/init is not supported by this engine yet"),
    case("experimental", "GET", "/containers/c1/checkpoints", 501,
         "This experimental feature is disabled by default. Start the Docker daemon in experimental mode "
         "in order to enable it."),
    case("a shim that is gone", "POST", "/containers/gone/rename?name=n", 500,
         "internal error: ConnectionRefusedError: [Errno 111] Connection refused"),
    case("wrong content type", "POST", CREATE, 400,
         "unsupported Content-Type header (text/plain): must be 'application/json'",
         body=b"{}", headers={"Content-Type": "text/plain"}),
    case("wrong content type, no body", "POST", CREATE, 400,
         "unsupported Content-Type header (text/json): must be 'application/json'",
         headers={"Content-Type": "text/json"}),
    case("empty content type", "POST", CREATE, 400, "malformed Content-Type header (): mime: no media type",
         body=b"{}", headers={"Content-Type": ""}),
    case("empty body", "POST", CREATE, 400, EOF, headers=JSON),
    case("no body at all", "POST", CREATE, 400, EOF),
    case("half a document", "POST", CREATE, 400, "invalid JSON: unexpected EOF", body=b"{"),
    case("two documents", "POST", CREATE, 400, "unexpected content after JSON", body=b'{"Cmd":["a"]} {}'),
    case("not JSON", "POST", CREATE, 400,
         "invalid JSON: invalid character 'x' looking for beginning of value", body=b"x"),
    case("a list", "POST", CREATE, 400, f"{UNMARSHAL} array into Go value of type container.CreateRequest",
         body=b"[]"),
    case("wrong type", "POST", CREATE, 400,
         f"{UNMARSHAL} number into Go struct field .Hostname of type string",
         body=b'{"Hostname":5}'),
    case("wrong type inside", "POST", CREATE, 400,
         f"{UNMARSHAL} string into Go struct field .HostConfig.Memory of type int64",
         body=b'{"HostConfig":{"Memory":"5"}}'),
    case("no config: {}", "POST", CREATE, 400, EMPTY, body=b"{}"),
    case("no config: null", "POST", CREATE, 400, EMPTY, body=b"null"),
    case("only HostConfig", "POST", CREATE, 400, EMPTY, body=b'{"HostConfig":{}}'),
    case("start with a body", "POST", "/containers/c1/start", 400,
         "starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24",
         body=b'{"Binds":[]}'),
    case("exec without a command", "POST", "/containers/c1/exec", 400, "No exec command specified",
         body=b"{}"),
    case("exec without a body", "POST", "/containers/c1/exec", 400, "No exec command specified"),
    case("no such exec", "POST", "/exec/nope/start", 404, "No such exec instance: nope", body=b"{}"),
    case("filters that are no JSON", "GET", "/containers/json?filters=x", 400, "invalid filter"),
    case("filters that are a list", "GET", "/containers/json?filters=[]", 400, "invalid filter"),
    case("unknown filter", "GET", "/networks?filters={%22x%22:[%22a%22]}", 400, "invalid filter 'x'"),
    case("bad number", "GET", "/containers/json?limit=x", 500, 'strconv.Atoi: parsing "x": invalid syntax'),
    case("bad timeout", "POST", "/containers/c1/stop?t=x", 500, 'strconv.Atoi: parsing "x": invalid syntax'),
    case("bad height", "POST", "/containers/c1/resize?h=x&w=1", 400,
         'invalid resize height "x": invalid syntax'),
    case("no width", "POST", "/containers/c1/resize?h=1", 400, 'invalid resize width "": invalid syntax'),
    case("no stream", "GET", "/containers/nope/logs", 400,
         "Bad parameters: you must choose at least one stream"),
    case("logs of nothing", "GET", "/containers/nope/logs?stdout=1", 404, "No such container: nope"),
    case("bad since", "GET", "/containers/c1/logs?stdout=1&since=1.5x", 500,
         'strconv.ParseInt: parsing "5x": invalid syntax'),
    case("bad condition", "POST", "/containers/nope/wait?condition=x", 400, 'invalid condition: "x"'),
    case("events in the wrong order", "GET", "/events?since=5&until=3", 400,
         "`since` time (5) cannot be after `until` time (3)"),
    case("events since nonsense", "GET", "/events?since=x", 500,
         'strconv.ParseInt: parsing "x": invalid syntax'),
    case("import from a URL", "POST", "/images/create?fromSrc=http://x/y", 501,
         "importing an image from a URL is not supported by this engine yet"),
    case("blank image", "DELETE", "/images/%20", 400, "image name cannot be blank"),
    case("save of a missing image", "GET", "/images/nope/get", 404, "No such image: nope"),
]  # fmt: skip


@pytest.mark.parametrize("fact", ERRORS, ids=lambda fact: fact.name)
async def test_an_error_has_dockerds_status_and_words(api: Api, fact: Case) -> None:
    reply = await api.ask(fact.method, fact.path, body=fact.body, headers=fact.headers)
    assert (reply.status, reply.message) == (fact.status, fact.message)
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.body.endswith(b"}\n")


@pytest.mark.parametrize("path", ["/_ping", "/v1.24/_ping", "/v1.40/_ping", "/v1.51/_ping", "/v1.24.1/_ping"])
async def test_a_path_may_name_its_version(api: Api, path: str) -> None:
    assert (await api.ask("GET", path)).body == b"OK"


@pytest.mark.parametrize("asked", ["1.23", "1.5", "1", "0.1"])
async def test_a_version_that_is_too_old_is_told_in_plain_text(api: Api, asked: str) -> None:
    reply = await api.ask("GET", f"/v{asked}/info")
    assert reply.status == 400
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert reply.body.decode() == (
        f"client version {asked} is too old. Minimum supported API version is 1.24, "
        "please upgrade your client to a newer version\n"
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/_ping"),
        ("HEAD", "/_ping"),
        ("GET", "/info"),
        ("GET", "/containers/nope/json"),
        ("POST", "/containers/c1/start"),
        ("POST", "/containers/c1/stop"),
        ("POST", "/swarm/init"),
        ("OPTIONS", "/anything"),
        ("GET", "/containers/c1/logs?stdout=1"),
        ("GET", "/images/b/get"),
        ("POST", "/images/load"),
    ],
)
async def test_every_routed_answer_has_the_daemons_headers(api: Api, method: str, path: str) -> None:
    reply = await api.ask(method, path)
    assert DAEMON.items() <= reply.headers.items()


async def test_an_answer_without_a_route_has_none_of_them(api: Api) -> None:
    reply = await api.ask("GET", "/nothing")
    assert reply.headers.keys() == {"Content-Type", "Date", "Content-Length"}


async def test_ping_says_what_clients_look_for(api: Api) -> None:
    reply = await api.ask("GET", "/_ping")
    assert {
        "Builder-Version": "2",
        "Cache-Control": "no-cache, no-store, must-revalidate",
        "Content-Type": "text/plain; charset=utf-8",
        "Pragma": "no-cache",
        "Swarm": "inactive",
    }.items() <= reply.headers.items()


async def test_options_answers_any_path(api: Api) -> None:
    reply = await api.ask("OPTIONS", "/zzz")
    assert (reply.status, reply.body) == (200, b"")


async def test_html_is_not_escaped(api: Api) -> None:
    reply = await api.ask("GET", "/images/%3C&%3E/json")
    assert b'"Comment":"<&>"' in reply.body


async def test_a_body_at_the_limit_is_read(api: Api) -> None:
    start, end = b'{"Image":"', b'"}'
    body = start + b"x" * (limits.REQUEST_BODY - len(start) - len(end)) + end
    assert (await api.ask("POST", CREATE, body=body)).status == 201


async def test_a_body_over_the_limit_is_too_large(api: Api) -> None:
    async with api.connect() as client:
        client.send("POST", CREATE, headers=JSON | {"Content-Length": str(limits.REQUEST_BODY + 1)})
        assert (await client.head()).status == 413


async def test_a_chunked_body_over_the_limit_is_too_large(api: Api) -> None:
    async with api.connect() as client:
        client.send("POST", CREATE, headers=JSON | {"Transfer-Encoding": "chunked"})
        size = limits.REQUEST_BODY // 4 + 1
        for _ in range(4):
            client.writer.write(b"%x\r\n" % size + b"x" * size + b"\r\n")
        assert (await client.head()).status == 413


async def test_a_client_that_waits_to_be_asked_for_its_body_is_asked(api: Api) -> None:
    async with api.connect() as client:
        client.send("POST", CREATE, headers=JSON | {"Expect": "100-continue", "Content-Length": "13"})
        assert (await client.head()).status == 100
        client.writer.write(b'{"Image":"x"}')
        assert (await client.reply()).status == 201


async def test_json_may_name_a_character_set(api: Api) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert (await api.ask("POST", CREATE, body=b'{"Image":"x"}', headers=headers)).status == 201


async def test_a_doubled_slash_is_sent_to_the_right_place(api: Api) -> None:
    reply = await api.ask("GET", "//containers//json")
    assert (reply.status, reply.headers["Location"]) == (301, "/containers/json")


async def test_a_redirect_cannot_add_headers(api: Api) -> None:
    reply = await api.ask("GET", "//a%0d%0aX-Injected:%201")
    assert reply.headers["Location"] == "/a%0D%0AX-Injected%3A%201"
    assert "X-Injected" not in reply.headers
