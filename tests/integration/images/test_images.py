"""Images: found, listed, shown, named, imported; and the same after a restart."""

import gzip
import json
import os
from pathlib import Path

import pytest

from content_kit import Member, tar
from images_kit import CREATED, Room, config, docker_archive, load, room, stream
from wharf.engine.images.errors import NoSuchImage
from wharf.engine.images.images import ImageUse
from wharf.errors import InvalidParameter
from wharf.schema.digest import Digest
from wharf.schema.filters import Filters

pytestmark = pytest.mark.kernel

BASE = tar([Member("a", b"12345")])
TOP = tar([Member("b", b"6")])
CONFIG = config([BASE, TOP])
IMAGE_ID = Digest.of(CONFIG)


async def put(opened: Room, *tags: str, document: bytes = CONFIG) -> None:
    layers = [BASE, TOP][: len(json.loads(document)["rootfs"]["diff_ids"])]
    await load(opened, docker_archive(document, layers, tags))


@pytest.mark.parametrize(
    "text",
    [
        "app:1",
        "docker.io/library/app:1",
        IMAGE_ID,
        IMAGE_ID.hex,
        IMAGE_ID.short,
        f"sha256:{IMAGE_ID.hex[:5]}",
    ],
)
async def test_an_image_is_found_by_name_and_by_the_beginning_of_its_id(tmp_path: Path, text: str) -> None:
    async with room(tmp_path) as opened:
        await put(opened, "app:1")
        assert opened.images.resolve(text).id == IMAGE_ID


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("app", "No such image: app:latest"),
        ("app:2", "No such image: app:2"),
        ("r.io/app:2", "No such image: r.io/app:2"),
        ("0" * 64, f"No such image: sha256:{'0' * 64}"),
        (f"app@sha256:{'0' * 64}", f"No such image: app@sha256:{'0' * 64}"),
    ],
)
async def test_what_is_not_found_is_told_in_dockers_words(tmp_path: Path, text: str, words: str) -> None:
    async with room(tmp_path) as opened:
        await put(opened, "app:1")
        with pytest.raises(NoSuchImage) as caught:
            opened.images.resolve(text)
        assert str(caught.value) == words


async def test_an_image_is_the_same_after_a_restart(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await put(opened, "app:1")
        before = opened.images.inspect("app:1"), opened.images.history("app:1")
    async with room(tmp_path) as again:
        assert (again.images.inspect("app:1"), again.images.history("app:1")) == before


async def test_a_start_removes_blobs_and_files_that_nothing_refers_to(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await put(opened, "app:1")
        kept = opened.blob_files()
        opened.blobs.put(b"garbage")
        (tmp_path / "content/ingest/half").write_bytes(b"x")
        (tmp_path / "tmp/upload").write_bytes(b"x")
    async with room(tmp_path) as again:
        assert again.blob_files() == kept
        assert os.listdir(tmp_path / "content/ingest") == []
        assert os.listdir(tmp_path / "tmp") == []


async def test_an_image_is_shown_as_docker_shows_it(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await put(opened, "app:1")
        shown = opened.images.inspect("app:1")
        assert (shown.id, shown.repo_tags, shown.created) == (IMAGE_ID, ["app:1"], CREATED)
        assert shown.size == 6
        assert shown.root_fs.layers == [Digest.of(BASE), Digest.of(TOP)]
        assert shown.graph_driver.data is not None
        assert set(shown.graph_driver.data) == {"LowerDir", "MergedDir", "UpperDir", "WorkDir"}


async def test_history_is_told_newest_step_first(tmp_path: Path) -> None:
    steps = [{"created_by": "base"}, {"created_by": "env", "empty_layer": True}, {"created_by": "top"}]
    document = config([BASE, TOP], history=steps)
    async with room(tmp_path) as opened:
        await put(opened, "app:1", document=document)
        told = opened.images.history("app:1")
        assert [(item.created_by, item.size) for item in told] == [("top", 1), ("env", 0), ("base", 5)]
        assert [item.id for item in told] == [Digest.of(document), "<missing>", "<missing>"]
        assert told[0].tags == ["app:1"]


async def test_only_what_tells_how_to_run_is_taken_from_a_config(tmp_path: Path) -> None:
    wild = {"Env": ["A=1", "HOME", "*", "=x", "B="], "Hostname": "evil", "Runtime": "x", "Labels": {"l": "v"}}
    document = config([BASE], config=wild)
    async with room(tmp_path) as opened:
        await put(opened, "app:1", document=document)
        found = opened.images.resolve("app:1").config
        assert found.env == ["A=1", "B="]
        assert found.labels == {"l": "v"}


async def test_images_are_listed_newest_first_with_their_names(tmp_path: Path) -> None:
    newer = config([BASE], created="2024-01-01T00:00:00Z")
    async with room(tmp_path) as opened:
        await put(opened, "old:1", "old:2")
        await put(opened, "new:1", document=newer)
        opened.uses[IMAGE_ID] = [ImageUse("c", is_running=True)]
        first, second = opened.images.list(Filters())
        assert (first.repo_tags, first.size, first.containers) == (["new:1"], 5, 0)
        assert (second.repo_tags, second.size, second.containers) == (["old:1", "old:2"], 6, 1)


FILTERS = {
    "reference by repository": ({"reference": ["old"]}, [["old:1"]]),
    "reference by glob": ({"reference": ["*:1"]}, [["new:1"], ["old:1"]]),
    "reference does not cross a slash": ({"reference": ["*/new"]}, []),
    "dangling": ({"dangling": ["true"]}, [[]]),
    "not dangling": ({"dangling": ["false"]}, [["new:1"], ["old:1"]]),
    "label": ({"label": ["k"]}, [["new:1"]]),
    "label with a value": ({"label": ["k=other"]}, []),
    "before": ({"before": ["new:1"]}, [["old:1"], []]),
    "since": ({"since": ["old:1"]}, [["new:1"]]),
    "until": ({"until": ["2021-01-01T00:00:00Z"]}, [["old:1"], []]),
}


@pytest.mark.parametrize(("filters", "tags"), FILTERS.values(), ids=FILTERS.keys())
async def test_filters_choose_as_dockers_do(
    tmp_path: Path, filters: dict[str, list[str]], tags: list[list[str]]
) -> None:
    newer = config([BASE], created="2024-01-01T00:00:00Z", config={"Labels": {"k": "v"}})
    bare = config([BASE], created="2019-01-01T00:00:00Z")
    async with room(tmp_path) as opened:
        await put(opened, "old:1")
        await put(opened, "new:1", document=newer)
        await put(opened, document=bare)
        assert [each.repo_tags for each in opened.images.list(Filters(filters))] == tags


async def test_an_unknown_filter_is_refused(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        with pytest.raises(InvalidParameter, match=r"^invalid filter 'nosuch'$"):
            opened.images.list(Filters({"nosuch": ["1"]}))


async def test_a_tag_is_another_name_of_the_same_image(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await put(opened, "app:1")
        await opened.images.tag("app:1", "r.io:5000/other", "v2")
        assert opened.images.resolve("r.io:5000/other:v2").id == IMAGE_ID
        assert opened.events[-1] == ("tag", IMAGE_ID, {"name": "r.io:5000/other:v2"})


async def test_a_tag_moves_to_the_image_that_was_tagged_last(tmp_path: Path) -> None:
    other = config([BASE])
    async with room(tmp_path) as opened:
        await put(opened, "app:1")
        await put(opened, "app:2", document=other)
        await opened.images.tag("app:2", "app", "1")
        assert opened.images.resolve("app:1").id == Digest.of(other)
    async with room(tmp_path) as again:
        assert again.images.resolve("app:1").id == Digest.of(other)
        assert again.images.inspect(IMAGE_ID).repo_tags == []


@pytest.mark.parametrize(
    ("repository", "tag", "words"),
    [
        ("Foo", "x", "invalid reference format: repository name (library/Foo) must be lowercase"),
        ("x", "-x", "invalid tag format"),
        (f"x@sha256:{'a' * 64}", "", "cannot import digest reference"),
        ("sha256", "abc", "refusing to create an ambiguous tag using digest algorithm as name"),
    ],
)
async def test_a_name_that_cannot_be_is_refused(
    tmp_path: Path, repository: str, tag: str, words: str
) -> None:
    async with room(tmp_path) as opened:
        await put(opened, "app:1")
        with pytest.raises(InvalidParameter) as caught:
            await opened.images.tag("app:1", repository, tag)
        assert str(caught.value) == words


@pytest.mark.parametrize("data", [BASE, gzip.compress(BASE)], ids=["plain", "gzip"])
async def test_an_imported_tar_is_an_image_of_one_layer(tmp_path: Path, data: bytes) -> None:
    async with room(tmp_path) as opened:
        image = await opened.images.import_image(
            stream(data), changes=["CMD a b", "ENV K=v"], repository="app", tag="1"
        )
        shown = opened.images.inspect("app:1")
        assert shown.id == image.id
        assert shown.comment == "Imported from -"
        assert shown.root_fs.layers == [Digest.of(BASE)]
        assert shown.config is not None
        assert (shown.config.cmd, shown.config.env) == (["/bin/sh", "-c", "a b"], ["K=v"])
        assert opened.actions() == ["tag", "import"]
        assert Digest.of(data).hex in opened.blob_files()


async def test_an_import_that_is_refused_leaves_nothing(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        with pytest.raises(InvalidParameter, match=r"^FROM is not a valid change command$"):
            await opened.images.import_image(stream(BASE), changes=["FROM x"])
        with pytest.raises(InvalidParameter):
            await opened.images.import_image(stream(tar([Member("../x")])))
        await opened.layers.folders.emptied()
        assert opened.folders() == set()
        assert opened.blob_files() == set()


async def test_descent_is_told_by_layers(tmp_path: Path) -> None:
    below = config([BASE])
    async with room(tmp_path) as opened:
        await put(opened, "app:1")
        await put(opened, "base:1", document=below)
        assert opened.images.descends(IMAGE_ID, Digest.of(below))
        assert not opened.images.descends(Digest.of(below), IMAGE_ID)
