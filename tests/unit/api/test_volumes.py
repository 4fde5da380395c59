"""The area Volume of the API, in front of a fake room."""

import json

import pytest

from api_kit import Api
from wharf.schema.filters import Filters
from wharf.schema.volume import VolumeCreateRequest


async def test_a_volume_is_created_from_its_body(api: Api) -> None:
    body = json.dumps({"Name": "v", "Labels": {"a": "b"}, "DriverOpts": None}).encode()
    reply = await api.ask("POST", "/volumes/create", body=body)
    assert reply.status == 201
    assert api.rooms.volumes.asked == [("create", VolumeCreateRequest(name="v", labels={"a": "b"}))]


async def test_no_body_asks_for_an_anonymous_volume(api: Api) -> None:
    reply = await api.ask("POST", "/volumes/create")
    assert (reply.status, reply.json()["Name"]) == (201, "a" * 64)


async def test_a_body_of_the_wrong_kind_is_named_as_docker_names_it(api: Api) -> None:
    reply = await api.ask("POST", "/volumes/create", body=b"[]")
    assert reply.status == 400
    assert reply.message == (
        "invalid JSON: json: cannot unmarshal array into Go value of type volume.CreateOptions"
    )


async def test_a_volume_is_shown_with_gos_zero_values(api: Api) -> None:
    shown = (await api.ask("GET", "/volumes/v")).json()
    assert shown == {
        "Driver": "local",
        "Labels": None,
        "Mountpoint": "",
        "Name": "v",
        "Options": None,
        "Scope": "local",
    }


async def test_an_empty_list_is_no_null(api: Api) -> None:
    assert (await api.ask("GET", "/volumes")).json() == {"Volumes": [], "Warnings": None}


async def test_a_missing_volume_is_a_404(api: Api) -> None:
    assert (await api.ask("GET", "/volumes/nope")).status == 404


async def test_a_removal_says_whether_it_is_forced(api: Api) -> None:
    reply = await api.ask("DELETE", "/volumes/v?force=1")
    assert reply.status == 204
    assert api.rooms.volumes.asked == [("remove", ("v", True))]


@pytest.mark.parametrize(("version", "named_too"), [("1.41", True), ("1.42", False)])
async def test_clients_before_1_42_prune_named_volumes_too(
    api: Api, version: str, *, named_too: bool
) -> None:
    await api.ask("POST", f"/v{version}/volumes/prune")
    assert api.rooms.volumes.asked == [("prune", (Filters(), named_too))]


async def test_an_update_needs_a_swarm(api: Api) -> None:
    assert (await api.ask("PUT", "/volumes/v?version=1", body=b"{}")).status == 503
