"""Archives exchanged with the reference engine, both ways: the same image on both sides."""

import json
import os
import secrets
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from content_kit import Member, directory, hardlink, symlink, tar
from images_kit import config, docker_archive, files_of, load, room, save
from wharf.schema.digest import Digest

_SOCKET = os.environ.get("WHARF_REFERENCE_SOCKET", "/run/ref/docker.sock")


def _listens(path: str) -> bool:
    """Whether somebody listens there: a killed engine leaves its socket behind."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


pytestmark = [
    pytest.mark.kernel,
    pytest.mark.reference,
    pytest.mark.skipif(not _listens(_SOCKET), reason=f"no reference engine at {_SOCKET}"),
]

BASE = tar(
    [
        directory("bin"),
        Member("bin/sh", b"#!", mode=0o4755, uid=5, pax={"SCHILY.xattr.user.k": "v"}),
        hardlink("bin/ash", "bin/sh"),
        symlink("sh", "bin/sh"),
        Member("n" * 140, b"long"),
    ]
)
TOP = tar([Member("bin/.wh.ash"), Member("etc/.wh..wh..opq"), Member("etc/motd", b"hello\n")])
DOCUMENT = config([BASE, TOP], config={"Env": ["A=1"], "Cmd": ["sh"], "Labels": {"a": "b"}})
IMAGE_ID = Digest.of(DOCUMENT)


def docker(*arguments: str, data: bytes = b"") -> bytes:
    """Run the reference's command line; return what it prints."""
    done = subprocess.run(
        ["docker", "-H", f"unix://{_SOCKET}", *arguments],
        input=data,
        capture_output=True,
        check=True,
        timeout=60,
    )
    return done.stdout


@pytest.fixture
def name() -> Iterator[str]:
    """A name for an image in the reference, removed at the end."""
    name = f"wharf-test-{secrets.token_hex(4)}:1"
    yield name
    subprocess.run(["docker", "-H", f"unix://{_SOCKET}", "rmi", "-f", name], capture_output=True, check=False)


async def test_the_reference_loads_what_we_save(tmp_path: Path, name: str) -> None:
    async with room(tmp_path) as opened:
        await load(opened, docker_archive(DOCUMENT, [BASE, TOP], [name]))
        assert docker("load", data=await save(opened, name)).decode() == f"Loaded image: {name}\n"
        theirs = json.loads(docker("image", "inspect", name))[0]
        ours = opened.images.inspect(name)
        assert (theirs["Id"], theirs["RootFS"]["Layers"]) == (IMAGE_ID, list(ours.root_fs.layers))
        assert (theirs["Size"], theirs["Created"], theirs["Comment"]) == (
            ours.size,
            ours.created,
            ours.comment,
        )


async def test_we_load_what_the_reference_saves_and_save_the_same(tmp_path: Path, name: str) -> None:
    docker("load", data=docker_archive(DOCUMENT, [BASE, TOP], [name]))
    theirs = docker("save", name)
    async with room(tmp_path) as opened:
        assert await load(opened, theirs) == [f"Loaded image: {name}\n"]
        assert opened.images.resolve(name).id == IMAGE_ID
        ours = files_of(await save(opened, name))
    saved = files_of(theirs)
    assert json.loads(ours["manifest.json"]) == json.loads(saved["manifest.json"])
    assert json.loads(ours["index.json"]) == json.loads(saved["index.json"])
    assert (ours["repositories"], ours["oci-layout"]) == (saved["repositories"], saved["oci-layout"])
    for item in json.loads(saved["manifest.json"]):
        assert all(ours[each] == saved[each] for each in (item["Config"], *item["Layers"]))


async def test_both_tell_the_same_history(tmp_path: Path, name: str) -> None:
    docker("load", data=docker_archive(DOCUMENT, [BASE, TOP], [name]))
    told = docker(
        "history", "--no-trunc", "--human=false", "--format", "{{.ID}} {{.CreatedBy}} {{.Size}}", name
    )
    async with room(tmp_path) as opened:
        await load(opened, docker_archive(DOCUMENT, [BASE, TOP], [name]))
        ours = [f"{item.id} {item.created_by} {item.size}" for item in opened.images.history(name)]
    assert told.decode().splitlines() == ours
