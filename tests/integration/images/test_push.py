"""Pushing from the store: what is sent, what is spared, what a broken upload costs."""

import gzip
import json
from pathlib import Path

import pytest
from aiohttp import web

import registry_kit
from content_kit import Member, tar
from images_kit import Room, config, docker_archive, load, room
from wharf.errors import EngineError, NotFound, Unauthorized
from wharf.registry.errors import TooManyRequests
from wharf.schema.digest import Digest
from wharf.schema.filters import Filters
from wharf.schema.image import Progress

pytestmark = pytest.mark.kernel

BASE = tar([Member("a", b"1" * 300_000)])
TOP = tar([Member("b", b"2")])
CONFIG = config([BASE, TOP])
SCHEMA_2 = "application/vnd.docker.distribution.manifest.v2+json"
UPLOADS = "/v2/x/blobs/uploads/"


def hurried(opened: Room) -> None:
    """Let the room be as patient with registries as tests can be."""
    opened.images.configure(registry_kit.QUICK)


async def push(
    opened: Room, registry: registry_kit.FakeRegistry, tag: str = "1", repository: str = "x", **how: str
) -> list[Progress]:
    """Push, and return the lines of the progress stream."""
    lines: list[Progress] = []
    asked = {"platform": "", "auth": ""} | how
    await opened.images.push(f"{registry.address}/{repository}", tag=tag, report=lines.append, **asked)
    return lines


async def loaded(opened: Room, registry: registry_kit.FakeRegistry) -> None:
    """Load the image as `x:1` of the registry."""
    hurried(opened)
    await load(opened, docker_archive(CONFIG, [BASE, TOP], [f"{registry.address}/x:1"]))


def said(lines: list[Progress]) -> list[str]:
    """Return the lines as a client without a terminal shows them."""
    seen = [f"{line.id}: {line.status}" if line.id else line.status for line in lines]
    return [line for line in seen if line and not line.endswith("Pushing")]


async def test_a_loaded_image_goes_as_dockers_manifest_over_gzip_layers(tmp_path: Path) -> None:
    async with registry_kit.serving() as registry, room(tmp_path) as opened:
        await loaded(opened, registry)
        lines = await push(opened, registry)
        kind, body = registry.manifests["1"]
        base, top = Digest.of(BASE).short, Digest.of(TOP).short
        assert said(lines)[:3] == [
            f"The push refers to repository [{registry.address}/x]",
            f"{top}: Preparing",
            f"{base}: Preparing",
        ]
        assert {f"{top}: Pushed", f"{base}: Pushed"} < set(said(lines))
        assert said(lines)[-1] == f"1: digest: {Digest.of(body)} size: {len(body)}"
        assert lines[-1].aux == {"Tag": "1", "Digest": Digest.of(body), "Size": len(body)}
        assert kind == SCHEMA_2
        manifest = json.loads(body)
        assert body == json.dumps(manifest, indent=3).encode()
        assert registry.blobs[manifest["config"]["digest"]] == CONFIG
        sent = [registry.blobs[layer["digest"]] for layer in manifest["layers"]]
        assert [gzip.decompress(blob) for blob in sent] == [BASE, TOP]
        assert [len(blob) for blob in sent] == [layer["size"] for layer in manifest["layers"]]
        shown = opened.images.inspect(f"{registry.address}/x:1")
        assert shown.repo_digests == [f"{registry.address}/x@{Digest.of(body)}"]
        assert opened.events[-1][:2] == ("push", f"{registry.address}/x:1")


async def test_what_is_there_is_not_sent_again(tmp_path: Path) -> None:
    async with registry_kit.serving() as registry, room(tmp_path) as opened:
        await loaded(opened, registry)
        await push(opened, registry)
        registry.log.clear()
        lines = await push(opened, registry)
        assert sum(line.endswith("Layer already exists") for line in said(lines)) == 2
        assert [line for line in registry.log if line.startswith(("POST", "PATCH"))] == []


async def test_a_layer_is_mounted_from_another_repository(tmp_path: Path) -> None:
    async with registry_kit.serving() as registry, room(tmp_path) as opened:
        await loaded(opened, registry)
        await push(opened, registry)
        layers = [layer["digest"] for layer in json.loads(registry.manifests["1"][1])["layers"]]
        registry.mountable = dict.fromkeys(layers, "x")
        for layer in layers:
            del registry.blobs[layer]
        await opened.images.tag(f"{registry.address}/x:1", f"{registry.address}/y", "1")
        lines = await push(opened, registry, repository="y")
        assert sum(line.endswith("Mounted from x") for line in said(lines)) == 2
        assert not set(layers) & set(registry.blobs)


async def test_an_upload_begun_in_place_of_a_mount_is_given_up(tmp_path: Path) -> None:
    async with registry_kit.serving() as registry, room(tmp_path) as opened:
        await loaded(opened, registry)
        await push(opened, registry)
        registry.blobs.clear()
        await opened.images.tag(f"{registry.address}/x:1", f"{registry.address}/y", "1")
        await push(opened, registry, repository="y")
        assert registry.uploads == {}
        assert len(registry.blobs) == 3


async def test_a_pulled_image_goes_on_under_its_own_manifest(tmp_path: Path) -> None:
    async with registry_kit.serving() as registry, room(tmp_path) as opened:
        hurried(opened)
        blobs = [gzip.compress(layer, compresslevel=1, mtime=7) for layer in (BASE, TOP)]
        for blob in (CONFIG, *blobs):
            registry.blobs[Digest.of(blob)] = blob
        body = registry_kit.manifest(config=CONFIG, layers=tuple(blobs), kind=registry_kit.OCI_MANIFEST)
        digest = registry.put(body, "latest", kind=registry_kit.OCI_MANIFEST)
        await opened.images.pull(
            f"{registry.address}/x", tag="latest", platform="", auth="", report=lambda _: None
        )
    async with registry_kit.serving() as registry, room(tmp_path) as opened:
        hurried(opened)
        (image,) = [each.id for each in opened.images.list(Filters())]
        await opened.images.tag(image, f"{registry.address}/x", "2")
        await push(opened, registry, "2")
        assert registry.manifests["2"] == (registry_kit.OCI_MANIFEST, body)
        assert digest in registry.manifests
        assert {registry.blobs[Digest.of(blob)] for blob in blobs} == set(blobs)
        await opened.images.remove(image, force=True)
        assert opened.blob_files() == set()


async def test_a_cut_upload_goes_on_where_it_was_cut(tmp_path: Path) -> None:
    async with registry_kit.serving() as registry, room(tmp_path) as opened:
        await noise_loaded(opened, registry)
        cut = registry.begins_upload(registry.hang_up_after(1_000_000))
        registry.once(UPLOADS, cut)
        lines = await push(opened, registry)
        assert f"{Digest.of(NOISE).short}: Retrying in 1 second" in said(lines)
        (layer,) = json.loads(registry.manifests["1"][1])["layers"]
        assert gzip.decompress(registry.blobs[layer["digest"]]) == NOISE
        assert sum(line.startswith("GET /v2/x/blobs/uploads/") for line in registry.log) == 1
        assert registry.log.count(f"POST {UPLOADS}") == 2  # the layer's and the config's


NOISE = tar([Member("n", registry_kit.BIG_LAYER)])
NOISY = config([NOISE])


async def noise_loaded(opened: Room, registry: registry_kit.FakeRegistry) -> None:
    hurried(opened)
    await load(opened, docker_archive(NOISY, [NOISE], [f"{registry.address}/x:1"]))


async def test_a_registry_that_takes_small_pieces_only_gets_small_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wharf.registry.client.push._CHUNK", 1 << 20)
    async with registry_kit.serving() as registry, room(tmp_path) as opened:
        await noise_loaded(opened, registry)
        registry.chunk_max = 1 << 20
        await push(opened, registry)
        (layer,) = json.loads(registry.manifests["1"][1])["layers"]
        assert gzip.decompress(registry.blobs[layer["digest"]]) == NOISE


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (401, "UNAUTHORIZED", Unauthorized, "unauthorized: no"),
        (403, "DENIED", EngineError, "denied: no"),
        (429, "TOOMANYREQUESTS", TooManyRequests, "toomanyrequests: no"),
    ],
)
async def test_refusals_are_told_in_dockers_words(
    tmp_path: Path, status: int, code: str, kind: type[EngineError], words: str
) -> None:
    async with registry_kit.serving() as registry, room(tmp_path) as opened:
        await loaded(opened, registry)
        registry.once(UPLOADS, *[registry_kit.answer(lambda: registry_kit.error(status, code, "no"))] * 9)
        with pytest.raises(kind) as refused:
            await push(opened, registry)
        assert str(refused.value) == words
        assert registry.manifests == {}


async def test_a_registry_that_asks_for_a_pause_gets_it(tmp_path: Path) -> None:
    async with registry_kit.serving() as registry, room(tmp_path) as opened:
        await noise_loaded(opened, registry)
        busy = registry_kit.answer(lambda: registry_kit.error(429, "TOOMANYREQUESTS", "no", Retry_After="1"))
        registry.once(UPLOADS, busy)
        lines = await push(opened, registry)
        assert f"{Digest.of(NOISE).short}: Retrying in 1 second" in said(lines)
        assert "1" in registry.manifests


async def test_a_token_is_fetched_for_pushing_and_for_mounting(tmp_path: Path) -> None:
    async with registry_kit.serving() as registry, room(tmp_path) as opened:
        await loaded(opened, registry)
        await push(opened, registry)
        await opened.images.tag(f"{registry.address}/x:1", f"{registry.address}/y", "1")
        registry.blobs.clear()
        registry.requests.clear()

        async def guard(request: web.Request) -> web.StreamResponse:
            if request.path == "/token":
                return web.json_response({"token": "t"})
            if request.headers.get("Authorization") == "Bearer t":
                return web.Response(status=100)
            challenge = f'Bearer realm="{registry.url}/token",service="s"'
            return registry_kit.error(401, "UNAUTHORIZED", "no", WWW_Authenticate=challenge)

        registry.before = guard
        await push(opened, registry, repository="y")
        asked = {request[0] for request in registry.requests if request[0].startswith("/token")}
        own = "/token?service=s&scope=repository:y:push,pull"
        assert asked == {own, f"{own}&scope=repository:x:pull"}


async def test_what_is_not_here_is_not_pushed(tmp_path: Path) -> None:
    async with registry_kit.serving() as registry, room(tmp_path) as opened:
        await loaded(opened, registry)
        with pytest.raises(NotFound, match=rf"^tag does not exist: {registry.address}/x:2$"):
            await push(opened, registry, "2")
        words = f"An image does not exist locally with the tag: {registry.address}/nosuch"
        with pytest.raises(NotFound, match=words):
            await push(opened, registry, repository="nosuch")
        arm = '{"os":"linux","architecture":"arm64"}'
        with pytest.raises(NotFound, match=r"platform \(linux/amd64\) does not match .* \(linux/arm64\)$"):
            await push(opened, registry, platform=arm)
        await push(opened, registry, platform='{"os":"linux","architecture":"amd64"}')


async def test_without_a_tag_all_of_them_go(tmp_path: Path) -> None:
    async with registry_kit.serving() as registry, room(tmp_path) as opened:
        await loaded(opened, registry)
        await opened.images.tag(f"{registry.address}/x:1", f"{registry.address}/x", "2")
        await push(opened, registry, "")
        assert {"1", "2"} < set(registry.manifests)


async def test_the_same_tar_is_compressed_to_the_same_bytes(tmp_path: Path) -> None:
    seen: list[set[str]] = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        async with registry_kit.serving() as registry, room(tmp_path / name) as opened:
            await loaded(opened, registry)
            await push(opened, registry)
            seen.append(set(registry.blobs))
    assert seen[0] == seen[1]
