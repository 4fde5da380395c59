"""What the router of containers makes of a request."""

from typing import Any

import pytest

from api_kit import Api
from wharf.schema.filters import Filters

NONE = Filters()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", (False, 0, False, NONE)),
        ("?all=1&limit=5&size=true", (True, 5, True, NONE)),
        ("?all=0&size=False", (False, 0, False, NONE)),
        ("?all=%20None%20&limit=-1", (False, -1, False, NONE)),
        ("?all=yes", (True, 0, False, NONE)),
        ('?filters={"label":{"a":true}}', (False, 0, False, Filters({"label": ["a"]}))),
        ('?filters={"label":["a"]}', (False, 0, False, Filters({"label": ["a"]}))),
        (
            "?filters=%7B%22status%22%3A%5B%22exited%22%5D%7D",
            (False, 0, False, Filters({"status": ["exited"]})),
        ),
    ],
)
async def test_the_list_reads_its_query(api: Api, query: str, expected: tuple[Any, ...]) -> None:
    assert (await api.ask("GET", f"/containers/json{query}")).status == 200
    assert api.rooms.containers.asked == [("list", expected)]


@pytest.mark.parametrize(
    ("method", "path", "status", "expected"),
    [
        ("POST", "start", 204, ("start", "")),
        ("POST", "start?detachKeys=ctrl-a", 204, ("start", "ctrl-a")),
        ("POST", "stop", 304, ("stop", (None, None))),
        ("POST", "stop?t=-1&signal=INT", 304, ("stop", ("INT", -1))),
        ("POST", "restart?t=3", 204, ("restart", (None, 3))),
        ("POST", "kill", 204, ("kill", "SIGKILL")),
        ("POST", "kill?signal=9", 204, ("kill", "9")),
        ("POST", "resize?h=24&w=80", 200, ("resize", (24, 80))),
        ("POST", "rename?name=n2", 204, ("rename", ("c1", "n2"))),
        ("GET", "json?size=1", 200, ("inspect", True)),
    ],
)
async def test_a_verb_reads_its_query(
    api: Api, method: str, path: str, status: int, expected: tuple[str, Any]
) -> None:
    assert (await api.ask(method, f"/containers/c1/{path}")).status == status
    assert api.rooms.containers.asked == [expected]


async def test_remove_reads_its_query(api: Api) -> None:
    assert (await api.ask("DELETE", "/containers/c1?v=1&force=1&link=0")).status == 204
    assert api.rooms.containers.asked == [("remove", (True, True, False))]


async def test_a_signal_to_stop_with_is_ignored_before_1_42(api: Api) -> None:
    await api.ask("POST", "/v1.41/containers/c1/stop?signal=INT")
    assert api.rooms.containers.asked == [("stop", (None, None))]


async def test_an_empty_body_of_old_clients_may_start_a_container(api: Api) -> None:
    assert (await api.ask("POST", "/containers/c1/start", body=b"{}")).status == 204


async def test_create_answers_with_id_and_warnings(api: Api) -> None:
    reply = await api.ask("POST", "/containers/create?name=/n1&platform=linux/arm64", body=b'{"Image":"x"}')
    assert reply.json() == {"Id": "1" * 64, "Warnings": []}
    assert api.rooms.containers.asked == [("create", ("n1", "linux/arm64"))]


async def created(api: Api, body: bytes, version: str = "1.51") -> Any:
    reply = await api.ask("POST", f"/v{version}/containers/create", body=body)
    assert reply.status == 201, reply.body
    assert api.rooms.containers.created is not None
    return api.rooms.containers.created


async def test_create_takes_a_word_for_a_list(api: Api) -> None:
    assert (await created(api, b'{"Cmd":"true"}')).cmd == ["true"]


async def test_create_takes_names_in_any_case(api: Api) -> None:
    request = await created(api, b'{"image":"x","hostconfig":{"MEMORY":7}}')
    assert (request.image, request.host_config.memory) == ("x", 7)


async def test_create_takes_null_for_everything(api: Api) -> None:
    request = await created(
        api, b'{"Image":"x","Hostname":null,"ExposedPorts":null,"HostConfig":{"Memory":null}}'
    )
    assert (request.hostname, request.exposed_ports, request.host_config.memory) == ("", {}, 0)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.39", ("shareable", "host", (0, 0), {}, 5)),
        ("1.40", ("", "host", (0, 0), {}, 5)),
        ("1.41", ("", "", (0, 0), {}, 5)),
        ("1.42", ("", "", (3, 4), {}, 0)),
        ("1.43", ("", "", (3, 4), {"a": "b"}, 0)),
    ],
)
async def test_create_means_what_its_version_means(api: Api, version: str, expected: tuple[Any, ...]) -> None:
    body = b'{"Image":"x","HostConfig":{"ConsoleSize":[3,4],"Annotations":{"a":"b"},"KernelMemory":5}}'
    host = (await created(api, body, version)).host_config
    assert (
        host.ipc_mode, host.cgroupns_mode, host.console_size, host.annotations, host.kernel_memory,
    ) == expected  # fmt: skip


async def test_a_limit_of_no_processes_is_no_limit(api: Api) -> None:
    assert (await created(api, b'{"Image":"x","HostConfig":{"PidsLimit":-1}}')).host_config.pids_limit is None


async def test_two_networks_at_create_need_1_44(api: Api) -> None:
    body = b'{"Image":"x","NetworkingConfig":{"EndpointsConfig":{"a":{},"b":null}}}'
    reply = await api.ask("POST", "/v1.43/containers/create", body=body)
    assert (reply.status, reply.message) == (
        400, "Container cannot be created with more than one network endpoint",
    )  # fmt: skip
    assert (await created(api, body, "1.44")).networking_config.endpoints_config.keys() == {"a", "b"}


async def test_a_start_goes_on_when_its_client_is_gone(api: Api) -> None:
    containers = api.rooms.containers
    containers.gate.clear()
    async with api.connect() as client:
        client.send("POST", "/containers/c1/start")
        await containers.started.wait()
    containers.gate.set()
    await api.ask("GET", "/_ping")
    assert containers.asked == [("start", "")]
