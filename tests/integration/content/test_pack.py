"""Packing: a container's tree, or its changes, as a tar that unpacks to the same."""

import io
import os
import stat
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from content_kit import Member, directory, hardlink, symlink, tar
from images_kit import Room, chain, room, seen

pytestmark = pytest.mark.kernel

BASE = tar(
    [
        directory("bin"),
        Member("bin/sh", b"#!" * 50_000, mode=0o4755, uid=5, gid=6, pax={"SCHILY.xattr.user.k": "v"}),
        hardlink("bin/ash", "bin/sh"),
        symlink("bin/ls", "sh"),
        directory("etc", mode=0o1710),
        Member("etc/gone", b"x"),
        directory("old"),
        Member("old/file"),
        Member("dev/c", kind=tarfile.CHRTYPE, device=(1, 3)),
        Member("pipe", kind=tarfile.FIFOTYPE),
        Member("n" * 140, b"long"),
    ]
)


async def bytes_of(stream: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in stream])


def listed(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {member.name: member for member in archive}


async def container(opened: Room) -> None:
    await opened.layers.prepare("c1", await chain(opened, BASE, hold="image"))


async def test_an_export_holds_everything_under_its_name_in_order(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await container(opened)
        data = await bytes_of(opened.layers.export("c1"))
        found = listed(data)
        assert list(found) == sorted(found, key=lambda name: name.split("/"))
        shell = found["bin/sh"] if found["bin/sh"].isreg() else found["bin/ash"]
        assert (shell.mode, shell.uid, shell.gid, shell.size) == (0o4755, 5, 6, 100_000)
        assert shell.pax_headers["SCHILY.xattr.user.k"] == "v"
        assert {found["bin/sh"].islnk(), found["bin/ash"].islnk()} == {True, False}
        assert found["bin/ls"].linkname == "sh"
        assert found["etc"].mode == 0o1710
        assert (found["dev/c"].devmajor, found["dev/c"].devminor) == (1, 3)
        assert found["pipe"].isfifo()
        assert found["n" * 140].size == 4
        assert found[".dockerenv"].mode == 0o755


async def test_an_export_unpacks_to_what_the_container_sees(tmp_path: Path) -> None:
    script = (
        "rm etc/gone; echo new > etc/new; rm -r old; mkdir old; echo x > old/y; mkdir -p a/b; chmod 700 a"
    )
    look = "find . | sort | xargs stat -c '%n %f %u %g %s' | grep -v -e '^./[^ ]* 4' -e '^\\. '"
    async with room(tmp_path) as opened:
        await container(opened)
        seen(opened, "c1", script)
        data = await bytes_of(opened.layers.export("c1"))
        await opened.layers.prepare("c2", await chain(opened, data, hold="copy"))
        assert seen(opened, "c2", look) == seen(opened, "c1", look)


async def test_changes_are_a_layer_with_whiteouts(tmp_path: Path) -> None:
    script = "rm etc/gone; echo new > etc/new; rm -r old; mkdir old; echo x > old/y"
    async with room(tmp_path) as opened:
        await container(opened)
        seen(opened, "c1", script)
        data = await bytes_of(opened.layers.changes("c1"))
        found = listed(data)
        assert list(found) == ["etc", "etc/.wh.gone", "etc/new", "old", "old/.wh..wh..opq", "old/y"]
        assert found["etc/.wh.gone"].mode == 0o600
        assert found["etc/.wh.gone"].isreg()
        assert found["old/.wh..wh..opq"].mtime == 0
        await opened.layers.prepare("c2", await chain(opened, BASE, data, hold="copy"))
        assert seen(opened, "c2", "find . | sort") == seen(opened, "c1", "find . | sort")


async def test_sockets_are_left_out_and_deep_trees_are_not(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await container(opened)
        deep = Path(opened.layers.upper("c1"), *("d" for _ in range(300)))
        deep.mkdir(parents=True)
        os.mknod(deep / "sock", stat.S_IFSOCK)
        (deep / "file").write_bytes(b"x")
        found = listed(await bytes_of(opened.layers.changes("c1")))
        assert "/".join(["d"] * 300 + ["file"]) in found
        assert not any(name.endswith("sock") for name in found)


async def test_nobody_has_to_read_to_the_end(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await container(opened)
        Path(opened.layers.upper("c1"), "big").write_bytes(bytes(8 << 20))
        stream = opened.layers.export("c1")
        assert len(await anext(stream)) > 0
        await stream.aclose()
        assert len(await bytes_of(opened.layers.changes("c1"))) > 8 << 20


async def test_a_trees_depth_costs_no_stack_when_it_is_removed(tmp_path: Path) -> None:
    async with room(tmp_path) as opened:
        await container(opened)
        fd = os.open(opened.layers.upper("c1"), os.O_RDONLY)
        for _ in range(5000):
            os.mkdir("d", dir_fd=fd)
            inner = os.open("d", os.O_RDONLY, dir_fd=fd)
            os.close(fd)
            fd = inner
        os.close(fd)
        await opened.layers.remove("c1")
        await opened.layers.folders.emptied()
        assert os.listdir(tmp_path / "snapshots/trash") == []
