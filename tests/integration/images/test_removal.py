"""`rmi`: which names and images go, and Docker's words for what stands in the way."""

from pathlib import Path

import pytest

from content_kit import Member, tar
from images_kit import Room, config, docker_archive, load, room
from wharf.engine.images.errors import NoSuchImage, PlatformMismatch
from wharf.engine.images.images import ImageUse
from wharf.errors import Conflict
from wharf.schema.digest import Digest
from wharf.schema.filters import Filters
from wharf.schema.image import ImageDeleteItem

pytestmark = pytest.mark.kernel

BASE = tar([Member("a", b"1")])
TOP = tar([Member("b", b"2")])
PARENT = config([BASE])
CHILD = config([BASE, TOP])
PARENT_ID, CHILD_ID = Digest.of(PARENT), Digest.of(CHILD)
CONTAINER = "c" * 64


def told(items: list[ImageDeleteItem]) -> list[str]:
    return [f"Untagged: {item.untagged}" if item.untagged else f"Deleted: {item.deleted}" for item in items]


async def put(opened: Room, *tags: str) -> None:
    await load(opened, docker_archive(PARENT, [BASE], tags))


async def test_the_last_name_takes_the_image_and_its_layers_along(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await put(opened, "app:1")
        assert told(await opened.images.remove("app:1")) == [
            "Untagged: app:1",
            f"Deleted: {PARENT_ID}",
            f"Deleted: {Digest.of(BASE)}",
        ]
        await opened.layers.folders.emptied()
        assert opened.folders() == set()
        assert opened.blob_files() == set()
        assert opened.actions() == ["load", "untag", "delete"]


async def test_an_image_for_another_platform_stays(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await put(opened, "app:1")
        own = opened.images.inspect("app:1")
        other = "s390x" if own.architecture != "s390x" else "amd64"
        with pytest.raises(PlatformMismatch, match="does not match the specified platform"):
            await opened.images.remove("app:1", platform=f'{{"os":"linux","architecture":"{other}"}}')
        named = f'{{"os":"{own.os}","architecture":"{own.architecture}"}}'
        assert told(await opened.images.remove("app:1", platform=named))[0] == "Untagged: app:1"


async def test_a_name_that_is_not_the_last_one_goes_alone(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await put(opened, "app:1", "app:2")
        assert told(await opened.images.remove("app:1")) == ["Untagged: app:1"]
        assert opened.images.resolve("app:2").id == PARENT_ID


async def test_a_name_without_a_tag_is_latest(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await put(opened, "app:latest", "app:2")
        assert told(await opened.images.remove("app")) == ["Untagged: app:latest"]


async def test_the_id_of_an_image_with_one_name_removes_it(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await put(opened, "app:1")
        assert told(await opened.images.remove(PARENT_ID.short))[:2] == [
            "Untagged: app:1",
            f"Deleted: {PARENT_ID}",
        ]


async def test_the_id_of_an_image_with_several_names_asks_for_force(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await put(opened, "app:1", "other:1")
        with pytest.raises(Conflict) as caught:
            await opened.images.remove(PARENT_ID)
        assert str(caught.value) == (
            f"conflict: unable to delete {PARENT_ID.short} (must be forced) - "
            "image is referenced in multiple repositories"
        )
        assert told(await opened.images.remove(PARENT_ID, force=True))[:3] == [
            "Untagged: app:1",
            "Untagged: other:1",
            f"Deleted: {PARENT_ID}",
        ]


async def test_the_last_name_of_an_image_in_use_asks_for_force(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await put(opened, "app:1")
        opened.uses[PARENT_ID] = [ImageUse(CONTAINER, is_running=False)]
        with pytest.raises(Conflict) as caught:
            await opened.images.remove("app:1")
        assert str(caught.value) == (
            'conflict: unable to remove repository reference "app:1" (must force) - container cccccccccccc '
            f"is using its referenced image {PARENT_ID.short}"
        )


async def test_forced_the_name_of_an_image_that_runs_goes_and_the_image_stays(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await put(opened, "app:1")
        opened.uses[PARENT_ID] = [ImageUse(CONTAINER, is_running=True)]
        assert told(await opened.images.remove("app:1", force=True)) == ["Untagged: app:1"]
        assert opened.images.inspect(PARENT_ID).repo_tags == []


@pytest.mark.parametrize(
    ("is_running", "force", "words"),
    [
        (True, True, "(cannot be forced) - image is being used by running container cccccccccccc"),
        (True, False, "(cannot be forced) - image is being used by running container cccccccccccc"),
        (False, False, "(must be forced) - image is being used by stopped container cccccccccccc"),
    ],
)
async def test_an_image_in_use_is_a_conflict_by_its_id(
    tmp_path: Path, *, is_running: bool, force: bool, words: str
) -> None:
    async with room(tmp_path) as opened:
        await put(opened)
        opened.uses[PARENT_ID] = [ImageUse(CONTAINER, is_running=is_running)]
        with pytest.raises(Conflict) as caught:
            await opened.images.remove(PARENT_ID, force=force)
        assert str(caught.value) == f"conflict: unable to delete {PARENT_ID.short} {words}"


async def test_an_image_that_others_were_made_from_stays(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await put(opened)
        await load(opened, docker_archive(CHILD, [BASE, TOP], ["child:1"], parent=PARENT_ID))
        with pytest.raises(Conflict, match=r"\(cannot be forced\) - image has dependent child images$"):
            await opened.images.remove(PARENT_ID, force=True)


async def test_a_parent_without_a_name_goes_with_its_last_child(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await put(opened)
        await load(opened, docker_archive(CHILD, [BASE, TOP], ["child:1"], parent=PARENT_ID))
        items = told(await opened.images.remove("child:1"))
        assert items[1] == f"Deleted: {CHILD_ID}"
        assert items[-2:] == [f"Deleted: {PARENT_ID}", f"Deleted: {Digest.of(BASE)}"]


async def test_a_parent_stays_without_prune(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await put(opened)
        await load(opened, docker_archive(CHILD, [BASE, TOP], ["child:1"], parent=PARENT_ID))
        await opened.images.remove("child:1", prune=False)
        assert opened.images.resolve(PARENT_ID).id == PARENT_ID


async def test_what_is_not_there_is_told_with_its_tag(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        with pytest.raises(NoSuchImage, match=r"^No such image: app:latest$"):
            await opened.images.remove("app")


async def test_a_shared_layer_stays_while_one_image_needs_it(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await put(opened, "app:1")
        await load(opened, docker_archive(CHILD, [BASE, TOP], ["child:1"]))
        items = told(await opened.images.remove("app:1"))
        assert items == ["Untagged: app:1", f"Deleted: {PARENT_ID}"]
        assert opened.layers.layer(Digest.of(BASE)) is not None


async def test_pruning_takes_only_what_is_dangling_and_unused(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await put(opened, "app:1")
        await load(opened, docker_archive(CHILD, [BASE, TOP]))
        report = await opened.images.prune(Filters())
        assert report.images_deleted is not None
        assert told(report.images_deleted)[0] == f"Deleted: {CHILD_ID}"
        assert opened.images.resolve("app:1").id == PARENT_ID


async def test_pruning_everything_unused_spares_what_a_container_uses(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await put(opened, "app:1", "app:2")
        await load(opened, docker_archive(CHILD, [BASE, TOP], ["child:1"]))
        opened.uses[CHILD_ID] = [ImageUse(CONTAINER, is_running=False)]
        await opened.images.prune(Filters({"dangling": ["false"]}))
        assert [summary.repo_tags for summary in opened.images.list(Filters())] == [["child:1"]]
