"""Pulling into the store: an image under its tag and digest, or nothing at all."""

import gzip
from pathlib import Path

import pytest

import registry_kit
from content_kit import Member, tar
from images_kit import Room, config, docker_archive, load, room
from wharf.errors import EngineError
from wharf.schema.digest import Digest
from wharf.schema.image import Progress

pytestmark = pytest.mark.kernel

BASE = tar([Member("a", b"1")])
TOP = tar([Member("b", b"2")])
BLOBS = (gzip.compress(BASE, mtime=0), gzip.compress(TOP, mtime=0))
CONFIG = config([BASE, TOP])


def served(registry: registry_kit.FakeRegistry, *, document: bytes = CONFIG) -> Digest:
    """Put the image into a registry as `latest`; return its manifest's digest."""
    for blob in (document, *BLOBS):
        registry.blobs[Digest.of(blob)] = blob
    return registry.put(registry_kit.manifest(config=document, layers=BLOBS), "latest")


async def pull(opened: Room, registry: registry_kit.FakeRegistry, tag: str = "latest") -> list[str]:
    """Pull, and return the status lines."""
    lines: list[Progress] = []
    name = f"{registry.address}/x"
    await opened.images.pull(name, tag=tag, platform="", auth="", report=lines.append)
    return [line.status for line in lines]


async def test_a_pulled_image_has_its_tag_and_its_digest_as_names(tmp_path: Path) -> None:
    async with registry_kit.serving() as registry, room(tmp_path) as opened:
        digest = served(registry)
        lines = await pull(opened, registry)
        shown = opened.images.inspect(f"{registry.address}/x")
        assert shown.repo_tags == [f"{registry.address}/x:latest"]
        assert shown.repo_digests == [f"{registry.address}/x@{digest}"]
        assert lines[-2:] == [
            f"Digest: {digest}",
            f"Status: Downloaded newer image for {registry.address}/x:latest",
        ]
        assert opened.events[-1][:2] == ("pull", f"{registry.address}/x:latest")


async def test_pulling_again_says_that_it_is_up_to_date(tmp_path: Path) -> None:
    async with registry_kit.serving() as registry, room(tmp_path) as opened:
        served(registry)
        await pull(opened, registry)
        lines = await pull(opened, registry)
        assert lines[-1] == f"Status: Image is up to date for {registry.address}/x:latest"
        assert registry.asked(registry.blob_path(BLOBS[0])) == 1


async def test_pulling_by_digest_gives_no_tag(tmp_path: Path) -> None:
    async with registry_kit.serving() as registry, room(tmp_path) as opened:
        digest = served(registry)
        await pull(opened, registry, digest)
        assert opened.images.inspect(f"{registry.address}/x@{digest}").repo_tags == []


async def test_the_compressed_blobs_are_kept_as_they_came(tmp_path: Path) -> None:
    async with registry_kit.serving() as registry, room(tmp_path) as opened:
        manifest = served(registry)
        await pull(opened, registry)
        assert opened.blob_files() == {manifest.hex, *(Digest.of(blob).hex for blob in (CONFIG, *BLOBS))}


async def test_layers_that_are_here_in_another_form_are_not_kept_twice(tmp_path: Path) -> None:
    async with registry_kit.serving() as registry, room(tmp_path) as opened:
        served(registry)
        await load(opened, docker_archive(CONFIG, [BASE, TOP], ["app:1"]))
        before = opened.blob_files()
        await pull(opened, registry)
        assert opened.blob_files() == before


@pytest.mark.parametrize(
    "document",
    [config([BASE, BASE]), config([BASE]), b"{}", b"no json", config([BASE, TOP], os="windows")],
    ids=["another layer", "too few layers", "no layers", "no document", "another system"],
)
async def test_an_image_that_is_not_what_it_says_leaves_nothing(tmp_path: Path, document: bytes) -> None:
    async with registry_kit.serving() as registry, room(tmp_path) as opened:
        served(registry, document=document)
        with pytest.raises(EngineError):
            await pull(opened, registry)
        await opened.layers.collect()
        await opened.layers.folders.emptied()
        assert opened.blob_files() <= {Digest.of(BLOBS[0]).hex, Digest.of(BLOBS[1]).hex}
        assert opened.folders() == set()
    async with room(tmp_path) as again:
        assert again.blob_files() == set()
