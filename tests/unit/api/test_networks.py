"""Networks as the API shows them."""

import json
from urllib.parse import quote

import pytest

from api_kit import Api


async def test_inspect_names_the_containers(api: Api) -> None:
    network = (await api.ask("GET", "/networks/bridge")).json()
    assert network["Containers"] == {
        "c1": {
            "Name": "c1",
            "EndpointID": "e" * 64,
            "MacAddress": "02:00:00:00:00:01",
            "IPv4Address": "172.17.0.2/16",
            "IPv6Address": "",
        }
    }
    assert network["IPAM"] == {
        "Driver": "default",
        "Options": None,
        "Config": [{"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1"}],
    }
    assert network["Created"] == "1970-01-01T00:00:01Z"


@pytest.mark.parametrize("path", ["/networks", "/networks/"])
async def test_a_list_leaves_the_containers_out(api: Api, path: str) -> None:
    (network,) = (await api.ask("GET", path)).json()
    assert (network["Name"], network["Containers"]) == ("bridge", {})


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"name": ["brid"]}, 1),
        ({"name": ["other"]}, 0),
        ({"driver": ["bridge"]}, 1),
        ({"driver": ["brid"]}, 0),
        ({"type": ["builtin"]}, 1),
        ({"type": ["custom"]}, 0),
        ({"scope": ["swarm"]}, 0),
        ({"dangling": ["true"]}, 0),
        ({"dangling": ["false"]}, 1),
        ({"label": ["a"]}, 0),
        ({"id": ["bbb"]}, 1),
    ],
)
async def test_a_list_is_filtered(api: Api, filters: dict[str, list[str]], count: int) -> None:
    reply = await api.ask("GET", f"/networks?filters={quote(json.dumps(filters))}")
    assert len(reply.json()) == count
