"""What the router of containers' files makes of a request, and of what the engine gives."""

import asyncio
import base64
import gzip
import json
import zlib

import pytest

from api_kit import Api
from wharf.errors import Internal
from wharf.schema.container import ContainerConfig, FilesystemChange

STAT = {"name": "n", "size": 3, "mode": 420, "mtime": "2026-01-02T03:04:05Z", "linkTarget": ""}


async def test_changes_are_listed_and_nothing_is_null(api: Api) -> None:
    reply = await api.ask("GET", "/containers/c1/changes")
    assert reply.body == b"null\n"
    api.rooms.containers.changed = [FilesystemChange(path="/a", kind=1)]
    reply = await api.ask("GET", "/containers/c1/changes")
    assert reply.json() == [{"Path": "/a", "Kind": 1}]


async def test_export_streams_the_tar(api: Api) -> None:
    reply = await api.ask("GET", "/containers/c1/export")
    assert (reply.status, reply.body) == (200, b"tar")
    assert reply.headers["Content-Type"] == "application/octet-stream"


async def test_the_stat_of_a_path_is_a_header(api: Api) -> None:
    reply = await api.ask("HEAD", "/containers/c1/archive?path=%2Fa%20b%2F.")
    assert (reply.status, reply.body) == (200, b"")
    assert json.loads(base64.b64decode(reply.headers["X-Docker-Container-Path-Stat"])) == STAT
    assert api.rooms.containers.asked == [("stat_path", "/a b/.")]


async def test_a_copy_out_has_the_stat_and_the_tar(api: Api) -> None:
    reply = await api.ask("GET", "/containers/c1/archive?path=/a")
    assert (reply.status, reply.body) == (200, b"tar")
    assert reply.headers["Content-Type"] == "application/x-tar"
    assert json.loads(base64.b64decode(reply.headers["X-Docker-Container-Path-Stat"])) == STAT


async def test_a_copy_out_is_compressed_for_who_asks(api: Api) -> None:
    zipped = await api.ask("GET", "/containers/c1/archive?path=/a", headers={"Accept-Encoding": "gzip"})
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(zipped.body) == b"tar"
    accepted = {"Accept-Encoding": "br, deflate;q=0.5"}
    raw = await api.ask("GET", "/containers/c1/archive?path=/a", headers=accepted)
    assert zlib.decompress(raw.body, -zlib.MAX_WBITS) == b"tar"
    plain = await api.ask("GET", "/containers/c1/archive?path=/a", headers={"Accept-Encoding": "gzip;q=0"})
    assert plain.body == b"tar"


@pytest.mark.parametrize("method", ["HEAD", "GET", "PUT"])
@pytest.mark.parametrize("query", ["", "?path="])
async def test_a_path_is_needed(api: Api, method: str, query: str) -> None:
    reply = await api.ask(method, f"/containers/c1/archive{query}")
    assert reply.status == 400
    assert method == "HEAD" or reply.json() == {"message": "bad parameter: pathcannot be empty"}


async def test_a_copy_in_reads_its_query_and_hands_the_body_on(api: Api) -> None:
    path = "/containers/c1/archive?path=/a&noOverwriteDirNonDir=true&copyUIDGID=1"
    reply = await api.ask("PUT", path, body=b"tar")
    assert (reply.status, reply.body) == (200, b"")
    assert api.rooms.containers.asked == [("copy_in", ("/a", True, True))]
    assert api.rooms.containers.uploaded == b"tar"


async def test_a_tar_that_breaks_off_is_seen_to_break_off(api: Api) -> None:
    api.rooms.containers.tar = (b"ta", Internal("gone"))
    async with api.connect() as client:
        client.send("GET", "/containers/c1/export")
        assert (await client.head()).status == 200
        assert not (await client.rest()).endswith(b"0\r\n\r\n")
    assert api.rooms.containers.is_closed.is_set()


async def test_a_client_that_leaves_ends_the_copy(api: Api) -> None:
    api.rooms.containers.tar = [bytes(1 << 20)] * 1000
    async with api.connect() as client:
        client.send("GET", "/containers/c1/export")
        await client.head()
    async with asyncio.timeout(5):
        await api.rooms.containers.is_closed.wait()


async def test_commit_reads_its_query_and_its_body(api: Api) -> None:
    query = "container=c1&repo=r&tag=t&author=me&comment=hi&pause=0&changes=CMD%20a&changes=USER%20b"
    headers = {"Content-Type": "application/json"}
    reply = await api.ask("POST", f"/commit?{query}", body=b'{"Cmd":["x"]}', headers=headers)
    assert (reply.status, reply.json()) == (201, {"Id": "sha256:" + "1" * 64})
    asked = {
        "config": ContainerConfig(cmd=["x"]),
        "changes": ["CMD a", "USER b"],
        "repository": "r",
        "tag": "t",
        "author": "me",
        "comment": "hi",
        "pause": False,
    }
    assert api.rooms.containers.asked == [("commit", asked)]


@pytest.mark.parametrize("body", [b"", b"null"])
async def test_commit_without_a_config_pauses_and_takes_the_containers(api: Api, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    assert (await api.ask("POST", "/commit?container=c1&pause=", body=body, headers=headers)).status == 201
    ((_, asked),) = api.rooms.containers.asked
    assert (asked["config"], asked["pause"]) == (None, True)
