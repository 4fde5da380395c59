"""Loading and saving: every archive form in, one form out, and the same image each time."""

import bz2
import gzip
import json
import lzma
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from content_kit import Member, directory, symlink, tar
from images_kit import archive, config, docker_archive, files_of, load, oci_archive, room, save, stream
from wharf.errors import Internal, InvalidParameter, NotFound
from wharf.schema.digest import Digest
from wharf.schema.filters import Filters

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

pytestmark = pytest.mark.kernel

BASE = tar([directory("bin"), Member("bin/sh", b"#!", mode=0o755)])
TOP = tar([Member("etc/motd", b"hello\n"), Member("bin/.wh.sh")])
LAYERS = [BASE, TOP]
CONFIG = config(LAYERS)
IMAGE_ID = Digest.of(CONFIG)


async def test_only_images_for_the_platform_are_loaded_and_saved(tmp_path: Path) -> None:
    arm, amd = (json.dumps({"os": "linux", "architecture": name}) for name in ("arm64", "amd64"))
    async with room(tmp_path) as opened:
        data = docker_archive(config([BASE]), [BASE], ["app:1"])
        assert await opened.images.load(stream(data), platform=arm) == []
        (image,) = await opened.images.load(stream(data), platform=amd)
        assert [piece async for piece in await opened.images.save(["app:1"], platform=amd)]
        with pytest.raises(Internal, match=r"^no suitable export target found for platform linux/arm64$"):
            await opened.images.save(["app:1"], platform=arm)
        mismatch = r"app:1 was found but its platform \(linux/amd64\) does not match .* \(linux/arm64\)$"
        with pytest.raises(NotFound, match=mismatch):
            opened.images.inspect("app:1", platform=arm)
        with pytest.raises(NotFound, match=mismatch):
            opened.images.history("app:1", platform=arm)
        assert opened.images.inspect("app:1", platform=amd).id == image.id


async def test_shared_layers_are_counted_once(tmp_path: Path) -> None:
    own = tar([Member("own", b"12345")])
    async with room(tmp_path) as opened:
        await load(opened, docker_archive(config([BASE]), [BASE], ["app:1"]))
        await load(opened, docker_archive(config([BASE, own]), [BASE, own], ["app:2"]))
        total, images = opened.images.disk_usage()
        base = min(image.size for image in images)
        assert (total, sorted(image.size for image in images)) == (base + 5, [base, base + 5])
        assert [image.shared_size for image in images] == [base, base]
        assert {image.shared_size for image in opened.images.list(Filters())} == {-1}


async def test_a_docker_archive_becomes_an_image_under_its_name(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        lines = await load(opened, docker_archive(CONFIG, LAYERS, ["app:1"]))
        assert lines == ["Loaded image: app:1\n"]
        assert opened.images.resolve("app:1").id == IMAGE_ID
        assert opened.actions() == ["load"]


async def test_an_image_without_a_name_is_told_by_its_id(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        assert await load(opened, docker_archive(CONFIG, LAYERS)) == [f"Loaded image ID: {IMAGE_ID}\n"]


async def test_an_oci_layout_becomes_an_image_under_its_annotation(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await load(opened, oci_archive(CONFIG, LAYERS, "docker.io/library/app:2"))
        assert opened.images.resolve("app:2").id == IMAGE_ID


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, zstd.compress])
async def test_layers_may_be_compressed(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    async with room(tmp_path) as opened:
        await load(opened, docker_archive(CONFIG, [compress(layer) for layer in LAYERS], ["app:1"]))
        stack = opened.layers.stack(opened.images.resolve("app:1").chain_id)
        assert [layer.diff_id for layer in stack] == [Digest.of(layer) for layer in LAYERS]


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, zstd.compress])
async def test_the_archive_itself_may_be_compressed(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    async with room(tmp_path) as opened:
        await load(opened, compress(docker_archive(CONFIG, LAYERS, ["app:1"])))
        assert opened.images.resolve("app:1").id == IMAGE_ID


async def test_a_layer_may_be_a_link_to_another_members_file(tmp_path: Path) -> None:
    item = {"Config": "c.json", "RepoTags": ["app:1"], "Layers": ["one/layer.tar", "two/layer.tar"]}
    twice = config([BASE, BASE])
    data = archive(
        {"manifest.json": json.dumps([item]).encode(), "c.json": twice, "one/layer.tar": BASE},
        [symlink("two/layer.tar", "../one/layer.tar")],
    )
    async with room(tmp_path) as opened:
        await load(opened, data)
        image = opened.images.resolve("app:1")
        assert len(opened.layers.stack(image.chain_id)) == 2


async def test_load_save_load_gives_the_same_image_and_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    async with room(tmp_path / "a") as first, room(tmp_path / "b") as second:
        await load(first, docker_archive(CONFIG, [gzip.compress(layer) for layer in LAYERS], ["app:1"]))
        saved = await save(first, "app:1")
        await load(second, saved)
        assert second.images.resolve("app:1").id == IMAGE_ID
        assert await save(second, "app:1") == saved


async def test_a_saved_archive_has_dockers_layout(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await load(opened, docker_archive(CONFIG, LAYERS, ["app:1"]))
        files = files_of(await save(opened, "app"))
    base, top = (Digest.of(layer).hex for layer in LAYERS)
    assert files["oci-layout"] == b'{"imageLayoutVersion": "1.0.0"}'
    assert json.loads(files["repositories"]) == {"app": {"1": top}}
    assert files[f"blobs/sha256/{IMAGE_ID.hex}"] == CONFIG
    assert files[f"blobs/sha256/{base}"] == BASE
    (item,) = json.loads(files["manifest.json"])
    assert item["Config"] == f"blobs/sha256/{IMAGE_ID.hex}"
    assert item["RepoTags"] == ["app:1"]
    assert item["Layers"] == [f"blobs/sha256/{base}", f"blobs/sha256/{top}"]
    assert item["LayerSources"][f"sha256:{top}"] == {
        "mediaType": "application/vnd.oci.image.layer.v1.tar",
        "size": len(TOP),
        "digest": f"sha256:{top}",
    }
    (entry,) = json.loads(files["index.json"])["manifests"]
    assert entry["annotations"] == {
        "io.containerd.image.name": "docker.io/library/app:1",
        "org.opencontainers.image.ref.name": "1",
    }
    manifest = files[f"blobs/sha256/{entry['digest'].removeprefix('sha256:')}"]
    assert len(manifest) == entry["size"]
    assert json.loads(manifest)["config"]["digest"] == IMAGE_ID


async def test_saving_by_id_saves_no_name(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await load(opened, docker_archive(CONFIG, LAYERS, ["app:1"]))
        files = files_of(await save(opened, IMAGE_ID.short))
    assert json.loads(files["manifest.json"])[0]["RepoTags"] is None
    assert "repositories" not in files


async def test_a_name_that_moves_leaves_the_old_image_without_one(tmp_path: Path) -> None:
    newer = config(LAYERS, comment="newer")
    async with room(tmp_path) as opened:
        await load(opened, docker_archive(CONFIG, LAYERS, ["app:1"]))
        lines = await load(opened, docker_archive(newer, LAYERS, ["app:1"]))
        assert lines[0] == (
            f"The image app:1 already exists, renaming the old one with ID {IMAGE_ID} to empty string\n"
        )
        assert opened.images.inspect(IMAGE_ID).repo_tags == []


def oci_index(blob: bytes, *, size: int | None = None) -> bytes:
    """Return an OCI layout whose only entry is `blob`."""
    entry = {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": Digest.of(blob),
        "size": len(blob) if size is None else size,
    }
    index = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
    return archive({"index.json": index, f"blobs/sha256/{Digest.of(blob).hex}": blob})


HOSTILE = {
    "no manifest": archive({"x": b""}),
    "no archive": b"not a tar at all" * 64,
    "config missing": archive({"manifest.json": b'[{"Config":"nope","Layers":[]}]'}),
    "config outside": archive({"manifest.json": b'[{"Config":"../../etc/passwd","Layers":[]}]'}),
    "config by link": archive(
        {"manifest.json": b'[{"Config":"c","Layers":[]}]'}, [symlink("c", "/etc/passwd")]
    ),
    "links in a circle": archive(
        {"manifest.json": b'[{"Config":"a","Layers":[]}]'}, [symlink("a", "b"), symlink("b", "a")]
    ),
    "manifest no list": archive({"manifest.json": b"{}"}),
    "manifest nested": archive({"manifest.json": b"[" * 100_000}),
    "too few layers": docker_archive(CONFIG, [BASE], ["app:1"]),
    "another layer": docker_archive(CONFIG, [BASE, BASE], ["app:1"]),
    "layer cut": docker_archive(CONFIG, [BASE, gzip.compress(TOP)[:-9]], ["app:1"]),
    "bad tag": docker_archive(CONFIG, LAYERS, ["App:1"]),
    "no tag": docker_archive(CONFIG, LAYERS, ["app"]),
    "digest as a path": docker_archive(
        config(LAYERS, rootfs={"type": "layers", "diff_ids": ["sha256:../../../etc", "x"]}), LAYERS, ["app:1"]
    ),
    "other system": docker_archive(config(LAYERS, os="windows"), LAYERS, ["app:1"]),
    "manifest and index": oci_index(b'{"manifests":[],"layers":[]}'),
    "manifest of another size": oci_index(b'{"layers":[]}', size=3),
    "blob is not its digest": oci_archive(CONFIG, LAYERS, "app:1").replace(b"#!", b"!#"),
    "cut": docker_archive(CONFIG, LAYERS, ["app:1"])[:3000],
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_broken_or_hostile_archive_is_refused_and_leaves_nothing(tmp_path: Path, data: bytes) -> None:
    async with room(tmp_path) as opened:
        with pytest.raises(InvalidParameter):
            await load(opened, data)
        await opened.layers.collect()
        await opened.layers.folders.emptied()
        assert opened.images.list(Filters(), everything=True) == []
        assert opened.folders() == set()
        assert list((tmp_path / "content/ingest").iterdir()) == []
