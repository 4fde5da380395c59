"""Pulling into the store: an image under its tag and digest, or nothing at all."""

import asyncio
import contextlib
import gzip
import os
import sys
from pathlib import Path

import pytest

import registry_kit
from content_kit import Member, tar
from images_kit import Room, config, docker_archive, load, room
from wharf.errors import EngineError
from wharf.registry.errors import VerificationFailed
from wharf.schema.digest import Digest
from wharf.schema.filters import Filters
from wharf.schema.image import Progress

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

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


async def test_without_a_tag_all_of_them_come(tmp_path: Path) -> None:
    async with registry_kit.serving() as registry, room(tmp_path) as opened:
        digest = served(registry)
        registry.manifests["1"] = registry.manifests["2"] = registry.manifests["latest"]
        lines = await pull(opened, registry, tag="")
        name = f"{registry.address}/x"
        assert opened.images.inspect(name).repo_tags == [f"{name}:1", f"{name}:2", f"{name}:latest"]
        assert lines.count(f"Digest: {digest}") == 3
        assert lines[-1] == f"Status: Downloaded newer image for {name}"
        assert (await pull(opened, registry, tag=""))[-1] == f"Status: Image is up to date for {name}"


BIG = tar([Member("n", registry_kit.BIG_LAYER)])
BIG_CONFIG = config([BIG])
BIG_BLOB = gzip.compress(BIG, mtime=0)


def big(registry: registry_kit.FakeRegistry) -> str:
    """Serve an image with one large layer; return the layer's path."""
    registry.blobs[Digest.of(BIG_CONFIG)] = BIG_CONFIG
    registry.blobs[Digest.of(BIG_BLOB)] = BIG_BLOB
    registry.put(registry_kit.manifest(config=BIG_CONFIG, layers=(BIG_BLOB,)), "latest")
    return registry.blob_path(BIG_BLOB)


async def test_a_restarted_engine_goes_on_where_a_blob_was_cut(tmp_path: Path) -> None:
    async with registry_kit.serving() as registry:
        path = big(registry)
        registry.once(path, registry_kit.cut_after(BIG_BLOB, 2_000_000))
        async with room(tmp_path) as opened:
            opened.images.configure(registry_kit.QUICK._replace(attempts=1))
            registry.once(path, registry_kit.answer(lambda: registry_kit.error(503, "UNAVAILABLE", "no")))
            with pytest.raises(EngineError):
                await pull(opened, registry)
        async with room(tmp_path) as again:
            await pull(again, registry)
            ranges = [wanted for asked, _, wanted in registry.requests if asked == path]
            assert ranges[-1] is not None
            assert int(ranges[-1].removeprefix("bytes=").rstrip("-")) >= 1_000_000
            assert os.listdir(tmp_path / "content/ingest") == []
            assert Digest.of(BIG_BLOB).hex in again.blob_files()


async def test_what_was_kept_of_a_blob_is_thrown_away_when_it_is_wrong(tmp_path: Path) -> None:
    async with registry_kit.serving() as registry, room(tmp_path) as opened:
        big(registry)
        part = tmp_path / "content/ingest" / f"{Digest.of(BIG_BLOB).hex}.part"
        part.write_bytes(b"x" * 1000)
        with pytest.raises(VerificationFailed):
            await pull(opened, registry)
        assert not part.exists()
        await pull(opened, registry)


async def test_of_two_pulls_of_one_image_one_fetches(tmp_path: Path) -> None:
    async with registry_kit.serving() as registry, room(tmp_path) as opened:
        path = big(registry)
        await asyncio.gather(pull(opened, registry), pull(opened, registry))
        assert registry.asked(path) == 1


async def test_when_the_one_who_fetches_leaves_the_other_goes_on(tmp_path: Path) -> None:
    async with registry_kit.serving() as registry, room(tmp_path) as opened:
        path = big(registry)
        registry.once(path, registry_kit.stall_after(BIG_BLOB, 1_500_000))
        begun = asyncio.Event()

        def report(line: Progress) -> None:
            if line.status == "Downloading":
                begun.set()

        name = f"{registry.address}/x"
        first = asyncio.create_task(
            opened.images.pull(name, tag="latest", platform="", auth="", report=report)
        )
        await asyncio.wait_for(begun.wait(), 10)
        second = asyncio.create_task(pull(opened, registry))
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await second
        ranges = [wanted for asked, _, wanted in registry.requests if asked == path]
        assert [wanted is None for wanted in ranges] == [True, False]


async def test_an_image_for_another_machine_comes_with_a_warning(tmp_path: Path) -> None:
    async with registry_kit.serving() as registry, room(tmp_path) as opened:
        served(registry)
        lines: list[Progress] = []
        name = f"{registry.address}/x"
        await opened.images.pull(name, tag="latest", platform="linux/arm64", auth="", report=lines.append)
        assert lines[-1].status == (
            f"WARNING: image with reference {name}:latest was found but its platform (linux/amd64) "
            "does not match the specified platform (linux/arm64)"
        )


@pytest.mark.parametrize(
    "blobs", [(BASE, TOP), tuple(map(zstd.compress, (BASE, TOP)))], ids=["plain", "zstd"]
)
async def test_layers_come_in_any_compression(tmp_path: Path, blobs: tuple[bytes, ...]) -> None:
    async with registry_kit.serving() as registry, room(tmp_path) as opened:
        for blob in (CONFIG, *blobs):
            registry.blobs[Digest.of(blob)] = blob
        registry.put(registry_kit.manifest(config=CONFIG, layers=blobs), "latest")
        await pull(opened, registry)
        assert opened.images.inspect(f"{registry.address}/x").id == Digest.of(CONFIG)


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


async def test_pulls_removals_and_prunes_at_once_leave_whole_images_or_none(tmp_path: Path) -> None:
    async with registry_kit.serving() as registry, room(tmp_path) as opened:
        served(registry)
        name = f"{registry.address}/x"

        async def remove() -> None:
            with contextlib.suppress(EngineError):
                await opened.images.remove(name, force=True)

        async def prune() -> None:
            await opened.images.prune(Filters({"dangling": ["false"]}))

        for _ in range(5):
            await asyncio.gather(pull(opened, registry), remove(), prune(), pull(opened, registry), prune())
        await pull(opened, registry)
        saved = b"".join([piece async for piece in await opened.images.save([name])])
        assert Digest.of(CONFIG).hex in saved.decode("latin-1")
        await opened.images.remove(name, force=True)
        await opened.layers.collect()
        await opened.layers.folders.emptied()
        assert (opened.folders(), opened.blob_files()) == (set(), set())
        assert os.listdir(tmp_path / "content/ingest") == []
