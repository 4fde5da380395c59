"""Layers: shared, held, collected; what containers stand on; and what a crash leaves."""

import asyncio
import os
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from content_kit import Member, directory, symlink, tar
from images_kit import Room, chain, room, seen
from wharf.content.layer import NoSuchLayer, chain_id
from wharf.content.layers import Source
from wharf.errors import Internal, InvalidParameter
from wharf.failpoint import arm
from wharf.schema.digest import Digest

pytestmark = pytest.mark.kernel

BASE = tar([directory("etc", mode=0o710), Member("etc/hosts", b"image"), Member("a", b"1")])
TOP = tar([Member("a", b"2"), Member(".wh.b")])


async def test_a_chain_has_the_id_that_the_image_specification_gives(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        found = await chain(opened, BASE, TOP)
        assert found == chain_id(Digest.of(BASE), Digest.of(TOP))
        assert [layer.diff_id for layer in opened.layers.stack(found)] == [Digest.of(BASE), Digest.of(TOP)]


async def test_a_layer_is_unpacked_once_whatever_lies_below_it(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await chain(opened, BASE, TOP, hold="x")
        await chain(opened, TOP, hold="y")
        assert len(opened.folders()) == 2


async def test_two_who_want_the_same_layer_at_once_get_one(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        path = tmp_path / "layer"
        path.write_bytes(BASE)
        fd = os.open(path, os.O_RDONLY)
        with opened.layers.leases.open() as lease:
            source = Source(fd, 0, len(BASE))
            first, second = await asyncio.gather(
                opened.layers.add(source, diff_id=Digest.of(BASE), lease=lease),
                opened.layers.add(source, diff_id=None, lease=lease),
            )
        os.close(fd)
        await opened.layers.folders.emptied()
        assert first == second
        assert len(opened.folders()) == 1


async def test_a_layer_that_is_not_what_it_should_be_leaves_nothing(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        path = tmp_path / "layer"
        path.write_bytes(BASE)
        fd = os.open(path, os.O_RDONLY)
        with opened.layers.leases.open() as lease, pytest.raises(InvalidParameter, match="wrong diffID"):
            await opened.layers.add(Source(fd, 0, len(BASE)), diff_id=Digest.of(TOP), lease=lease)
        os.close(fd)
        await opened.layers.folders.emptied()
        assert opened.folders() == set()


async def test_what_nobody_holds_is_collected_and_what_somebody_holds_stays(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        base = await chain(opened, BASE, hold="image")
        both = await chain(opened, BASE, TOP)
        gone = await opened.layers.collect()
        assert gone.chains == (both,)
        assert gone.diff_ids == (Digest.of(TOP),)
        assert opened.layers.has(base)
        await opened.layers.folders.emptied()
        assert len(opened.folders()) == 1


async def test_a_lease_keeps_what_nobody_holds_yet(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        base = await chain(opened, BASE, hold="image")
        with opened.layers.leases.open() as lease:
            await opened.layers.link([Digest.of(BASE)], lease=lease)
            await opened.db.write(lambda connection: opened.layers.drop_in(connection, "image"))
            await opened.layers.collect()
            assert opened.layers.has(base)
        await opened.layers.collect()
        assert not opened.layers.has(base)


async def test_a_container_keeps_the_layers_it_stands_on(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        base = await chain(opened, BASE, hold="image")
        await opened.layers.prepare("c1", base)
        await opened.db.write(lambda connection: opened.layers.drop_in(connection, "image"))
        await opened.layers.collect()
        assert opened.layers.has(base)
        await opened.layers.remove("c1")
        await opened.layers.collect()
        assert not opened.layers.has(base)


async def test_a_containers_root_has_the_image_below_and_dockers_files_between(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await opened.layers.prepare("c1", await chain(opened, BASE, TOP, hold="image"))
        told = seen(
            opened, "c1", "cat a etc/hosts; stat -c '%a %n' . etc .dockerenv etc/hosts; readlink etc/mtab"
        )
        assert told.splitlines() == ["2755 .", "710 etc", "755 .dockerenv", "755 etc/hosts", "/proc/mounts"]


async def test_what_a_container_writes_is_in_its_own_layer_only(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        base = await chain(opened, BASE, hold="image")
        await opened.layers.prepare("c1", base)
        await opened.layers.prepare("c2", base)
        seen(opened, "c1", "echo mine > a")
        assert seen(opened, "c2", "cat a") == "1"
        assert sorted(os.listdir(opened.layers.upper("c1"))) == ["a"]


INIT = {
    "files and links of the image are replaced": (
        [Member("etc/mtab", b"m"), symlink("etc/resolv.conf", "../run/x"), Member("etc/hostname", b"h")],
        "stat -c %F:%s etc/resolv.conf etc/hostname; readlink etc/mtab",
        ["regular empty file:0", "regular empty file:0", "/proc/mounts"],
    ),
    "directories in their place stay": (
        [directory("etc/hosts", mode=0o700), directory("etc/mtab")],
        "stat -c '%F %a' etc/hosts etc/mtab",
        ["directory 700", "directory 755"],
    ),
    "a link instead of a directory is replaced": (
        [directory("real"), symlink("etc", "real"), Member("sys", b"x")],
        "stat -c %F etc sys; ls real",
        ["directory", "directory"],
    ),
    "directories keep owner and mode": (
        [Member("dev", mode=0o701, kind=b"5", uid=3), Member("proc", kind=b"5", mode=0o555)],
        "stat -c '%a %u' dev proc dev/pts",
        ["701 3", "555 0", "755 0"],
    ),
}


@pytest.mark.parametrize(("members", "script", "lines"), INIT.values(), ids=INIT.keys())
async def test_the_init_layer_is_what_docker_makes(
    tmp_path: Path, members: Sequence[Member], script: str, lines: list[str]
) -> None:
    async with room(tmp_path) as opened:
        await opened.layers.prepare("c1", await chain(opened, tar(members), hold="image"))
        assert seen(opened, "c1", script).splitlines() == lines


async def test_a_container_without_an_image_has_dockers_files_only(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await opened.layers.prepare("c1", None)
        assert seen(opened, "c1", "find . -mindepth 1 | sort").split() == [
            "./.dockerenv",
            "./dev",
            "./dev/console",
            "./dev/pts",
            "./dev/shm",
            "./etc",
            "./etc/hostname",
            "./etc/hosts",
            "./etc/mtab",
            "./etc/resolv.conf",
            "./proc",
            "./sys",
        ]
    async with room(tmp_path) as again:
        assert seen(again, "c1", "ls -d .dockerenv").strip() == ".dockerenv"


async def test_a_layer_that_stands_twice_in_a_chain_mounts(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await opened.layers.prepare("c1", await chain(opened, TOP, BASE, TOP, hold="image"))
        assert seen(opened, "c1", "cat a") == "2"


async def test_a_whiteout_hides_what_lies_below(tmp_path: Path) -> None:
    below = tar([Member("b", b"x"), Member("d/x")])
    above = tar([Member(".wh.b"), Member("d/.wh..wh..opq"), Member("d/y")])
    async with room(tmp_path) as opened:
        await opened.layers.prepare("c1", await chain(opened, below, above, hold="image"))
        assert seen(opened, "c1", "ls -d b 2>/dev/null; ls d") == "y\n"


async def test_a_container_of_an_image_that_went_meanwhile_is_refused(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        with pytest.raises(NoSuchLayer):
            await opened.layers.prepare("c1", "sha256:" + "0" * 64)
        await opened.layers.folders.emptied()
        assert opened.folders() == set()


async def test_removing_a_container_deletes_its_files_behind(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await opened.layers.prepare("c1", await chain(opened, BASE, hold="image"))
        before = opened.folders()
        Path(opened.layers.upper("c1"), "x").write_bytes(b"1")
        await opened.layers.remove("c1")
        await opened.layers.folders.emptied()
        assert len(before - opened.folders()) == 1
        assert os.listdir(tmp_path / "snapshots/trash") == []


async def test_after_a_restart_everything_is_as_it_was(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        top = await chain(opened, BASE, TOP, hold="image")
        await opened.layers.prepare("c1", top)
        before = opened.layers.mounts("c1")
        folders = opened.folders()
    async with room(tmp_path) as again:
        assert again.layers.mounts("c1") == before
        assert again.folders() == folders
        assert again.layers.describe("c1")["UpperDir"] == again.layers.upper("c1")


async def test_a_folder_without_a_record_goes_at_the_next_start(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await chain(opened, BASE, hold="image")
        kept = opened.folders()
        (tmp_path / "snapshots/77/fs/deep").mkdir(parents=True)
        (tmp_path / "snapshots/junk").mkdir()
    async with room(tmp_path) as again:
        await again.layers.folders.emptied()
        assert again.folders() == kept
        assert os.listdir(tmp_path / "snapshots/trash") == []


async def test_a_writable_layer_that_a_power_cut_took_is_made_again(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await opened.layers.prepare("c1", await chain(opened, BASE, hold="image"))
        upper = Path(opened.layers.upper("c1"))
        upper.rmdir()
    async with room(tmp_path) as again:
        assert stat.S_IMODE(Path(again.layers.upper("c1")).stat().st_mode) == 0o755


STEPS = [
    "content.folder.made",
    "content.layer.unpacked",
    "content.layer.recorded",
    "content.init.made",
    "content.init.recorded",
    "content.writable.removed",
]


async def live(opened: Room) -> None:
    """Make a layer and a container, and remove another one."""
    await opened.layers.prepare("c1", await chain(opened, BASE, hold="image"))
    await opened.layers.remove("old")


@pytest.mark.parametrize("name", STEPS)
async def test_after_a_failure_at_any_step_folders_and_records_agree(tmp_path: Path, name: str) -> None:
    async with room(tmp_path) as opened:
        await opened.layers.prepare("old", await chain(opened, TOP, hold="old"))
        arm(f"{name}=error:5")
        try:
            with pytest.raises((OSError, Internal), match=r"(?i)failpoint|input/output error"):
                await live(opened)
        finally:
            arm("")
    async with room(tmp_path) as again:
        await again.layers.folders.emptied()
        assert again.folders() == {str(number) for number in again.layers.numbers()}


async def test_what_could_not_be_deleted_behind_goes_at_the_next_start(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await opened.layers.prepare("old", await chain(opened, TOP, hold="old"))
        Path(opened.layers.upper("old"), "x").write_bytes(b"1")
        arm("content.discarded=error:5")
        try:
            await opened.layers.remove("old")
            await opened.layers.folders.emptied()
        finally:
            arm("")
    async with room(tmp_path) as again:
        await again.layers.folders.emptied()
        assert again.folders() == {str(number) for number in again.layers.numbers()}


@pytest.mark.parametrize("steps", range(1, 40, 3))
async def test_after_a_cancellation_at_any_point_folders_and_records_agree(
    tmp_path: Path, steps: int
) -> None:
    async with room(tmp_path) as opened:
        await opened.layers.prepare("old", await chain(opened, TOP, hold="old"))
        task = asyncio.create_task(live(opened))
        for _ in range(steps):
            await asyncio.wait([task], timeout=0.002)
        task.cancel()
        await asyncio.wait([task])
        await opened.layers.folders.emptied()
        assert opened.folders() == {str(number) for number in opened.layers.numbers()}
    async with room(tmp_path) as again:
        await again.layers.folders.emptied()
        assert again.folders() == {str(number) for number in again.layers.numbers()}
