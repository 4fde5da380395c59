"""Volumes in an engine: what comes into them, what they hide, who may remove them, what is told."""

import contextlib
import json
import os
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import docker.errors
import docker.types
import pytest

from engine_kit.client import Cli
from engine_kit.engine import Engine, OwnEngine
from engine_kit.image import IMAGE, busybox_layer, docker_archive, entry, layer
from engine_kit.patience import eventually


@pytest.fixture
def wharf(engine: Engine) -> Cli:
    return engine.cli("wharf")


def _file(name: str, content: bytes = b"", **fields: int) -> tuple[tarfile.TarInfo, bytes]:
    header = entry(name, mode=fields.pop("mode", 0o644), kind=tarfile.REGTYPE)
    for field, value in fields.items():
        setattr(header, field, value)
    return header, content


def _folder(name: str, **fields: int) -> tuple[tarfile.TarInfo, bytes]:
    header = entry(name, mode=fields.pop("mode", 0o755))
    for field, value in fields.items():
        setattr(header, field, value)
    return header, b""


def _rich_layer() -> bytes:
    capable = _file("data/capable", b"x", mode=0o755)
    capable[0].pax_headers = {"SCHILY.xattr.user.colour": "blue"}
    device = entry("data/null", mode=0o666, kind=tarfile.CHRTYPE)
    device.devmajor, device.devminor = 1, 3
    return layer(
        [
            _folder("data", mode=0o2750, uid=5, gid=6, mtime=1000),
            _folder("data/sticky", mode=0o1777),
            _file("data/sticky/setuid", b"content", mode=0o4711, uid=7, gid=8, mtime=2000),
            (entry("data/second", kind=tarfile.LNKTYPE, link="data/sticky/setuid"), b""),
            (entry("data/link", kind=tarfile.SYMTYPE, link="/etc/passwd"), b""),
            (entry("data/pipe", mode=0o600, kind=tarfile.FIFOTYPE), b""),
            (device, b""),
            capable,
        ]
    )


def test_an_images_content_comes_into_a_volume_as_it_is(own_engine: OwnEngine, wharf: Cli) -> None:
    own_engine.load(docker_archive("wt-rich:1", [busybox_layer(), _rich_layer()]))
    wharf("create", "--name", "wt-c", "-v", "wt-v:/data", "wt-rich:1").ok()
    data = own_engine.data_root / "volumes/wt-v/_data"
    top, first, second = data.stat(), (data / "sticky/setuid").stat(), (data / "second").stat()
    assert (oct(top.st_mode), top.st_uid, top.st_gid, top.st_mtime) == ("0o42750", 5, 6, 1000)
    assert oct((data / "sticky").stat().st_mode) == "0o41777"
    assert (oct(first.st_mode), first.st_uid, first.st_gid, first.st_mtime) == ("0o104711", 7, 8, 2000)
    assert (first.st_ino, first.st_nlink) == (second.st_ino, 2)
    assert os.readlink(data / "link") == "/etc/passwd"
    assert (data / "pipe").is_fifo()
    assert os.makedev(1, 3) == (data / "null").stat().st_rdev
    assert os.getxattr(data / "capable", "user.colour") == b"blue"
    assert sorted(os.listdir(data.parent)) == ["_data"]


@pytest.mark.parametrize("target", ["/outside", "../../../../../outside", "/proc/self/root/outside"])
def test_a_link_at_the_mount_point_leads_nowhere_outside(
    own_engine: OwnEngine, wharf: Cli, target: str
) -> None:
    outside = Path(tempfile.mkdtemp(prefix="wt-outside-", dir="/run"))
    link = (entry("data", kind=tarfile.SYMTYPE, link=target.replace("/outside", str(outside))), b"")
    try:
        own_engine.load(docker_archive("wt-link:1", [busybox_layer(), layer([link])]))
        (outside / "secret").write_text("of the host")
        made = wharf(
            "run", "--rm", "-v", "wt-v:/data", "wt-link:1", "sh", "-c", "ls -a /data; echo x >/data/f"
        )
        assert "secret" not in made.out
        volume = own_engine.data_root / "volumes/wt-v/_data"
        assert "secret" not in os.listdir(volume)
        assert os.listdir(outside) == ["secret"]
    finally:
        for left in outside.iterdir():
            left.unlink()
        outside.rmdir()


def test_a_link_below_the_mount_point_is_copied_as_a_link(own_engine: OwnEngine, wharf: Cli) -> None:
    trap = [_folder("data"), (entry("data/etc", kind=tarfile.SYMTYPE, link="/etc"), b"")]
    own_engine.load(docker_archive("wt-trap:1", [busybox_layer(), layer(trap)]))
    wharf("create", "--name", "wt-c", "-v", "wt-v:/data", "wt-trap:1").ok()
    assert os.readlink(own_engine.data_root / "volumes/wt-v/_data/etc") == "/etc"


def test_a_part_of_a_volume_that_turns_into_a_link_shows_nothing_of_the_host(
    own_engine: OwnEngine, wharf: Cli
) -> None:
    """CVE-2021-25741: one container swaps the folder for a link while others are started with it."""
    wharf("run", "--rm", "-v", "wt-v:/v", IMAGE, "sh", "-c", "mkdir /v/part /v/good; ln -s / /v/bad").ok()
    volume = own_engine.data_root / "volumes/wt-v/_data"
    over = threading.Event()

    def swap() -> None:
        while not over.is_set():
            os.rename(volume / "part", volume / "kept")
            os.symlink("/", volume / "part")
            os.unlink(volume / "part")
            os.rename(volume / "kept", volume / "part")

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        said = [
            wharf("run", "--rm", "--mount", "src=wt-v,dst=/d,volume-subpath=part", IMAGE, "ls", "-a", "/d")
            for _ in range(8)
        ]
    finally:
        over.set()
        swapping.join()
    assert {one.out for one in said} <= {".\n..\n", ""}
    refusals = [one.err for one in said if one.code]
    assert all("cannot access path" in words or "path concatenation escapes" in words for words in refusals)


def test_many_containers_made_at_once_share_one_new_volume(wharf: Cli) -> None:
    with contextlib.ExitStack() as stack:
        made = [
            stack.enter_context(wharf.piped("create", "--name", f"wt-{number}", "-v", "wt-v:/etc", IMAGE))
            for number in range(4)
        ]
        assert [process.wait(30) for process in made] == [0, 0, 0, 0]
    assert wharf("run", "--rm", "-v", "wt-v:/etc", IMAGE, "cat", "/etc/plain").ok() == "no program"
    refused = wharf("volume", "rm", "wt-v")
    assert refused.code == 1
    assert refused.err.count(",") == 3


def test_what_happens_to_a_volume_is_told(wharf: Cli) -> None:
    since = f"{time.time():.6f}"
    wharf("volume", "create", "wt-v").ok()
    wharf("run", "--rm", "--name", "wt-c", "-v", "wt-v:/data:ro", "-v", "/anon", IMAGE, "true").ok()
    wharf("volume", "rm", "wt-v").ok()
    window = ("--since", since, "--until", f"{time.time():.6f}")
    said = wharf("events", *window, "--format", "json", "--filter", "volume=wt-v").ok()
    told = [json.loads(line) for line in said.splitlines()]
    assert [one["Action"] for one in told] == ["create", "mount", "unmount", "destroy"]
    mounted = told[1]["Actor"]["Attributes"]
    container = mounted.pop("container")
    assert mounted == {"destination": "/data", "driver": "local", "propagation": "", "read/write": "false"}
    assert told[2]["Actor"]["Attributes"] == {"container": container, "driver": "local"}
    assert told[3]["Actor"]["Attributes"] == {"driver": "local"}


def test_a_volume_with_a_large_depth_is_removed(own_engine: OwnEngine, wharf: Cli) -> None:
    deep = "cd /v; i=0; while [ $i -lt 300 ]; do mkdir ddddddddddddddd; cd ddddddddddddddd; i=$((i+1)); done"
    wharf("run", "--rm", "-v", "wt-v:/v", IMAGE, "sh", "-c", deep).ok()
    wharf("volume", "rm", "wt-v").ok()
    trash = own_engine.data_root / "volumes/.trash"
    eventually(lambda: not os.listdir(trash), what="the trash to be emptied")


def test_a_bind_that_holds_the_engines_data_lets_go_of_its_mounts(own_engine: OwnEngine, wharf: Cli) -> None:
    root = own_engine.data_root
    wharf("create", "--name", "wt-c", "-v", f"{root}:/d", IMAGE).ok()
    assert wharf("inspect", "-f", "{{range .Mounts}}{{.Propagation}}{{end}}", "wt-c").ok() == "rslave"
    assert wharf("start", "-a", "wt-c").code == 0
    refused = wharf("create", "-v", f"{root}/volumes:/d:rprivate", IMAGE)
    assert 'must use either propagation mode "rslave" or "rshared"' in refused.err


@pytest.fixture
def sdk(engine: Engine) -> Iterator[docker.DockerClient]:
    with contextlib.closing(docker.DockerClient(base_url=engine.host, timeout=30)) as client:
        yield client


def test_docker_py_makes_lists_and_removes_volumes(sdk: docker.DockerClient) -> None:
    volume = sdk.volumes.create("wt-v", labels={"a": "b"})
    assert (volume.name, volume.attrs["Labels"], volume.attrs["Scope"]) == ("wt-v", {"a": "b"}, "local")
    assert [one.name for one in sdk.volumes.list(filters={"label": "a=b"})] == ["wt-v"]
    assert sdk.volumes.get("wt-v").attrs == volume.attrs
    volume.remove()
    with pytest.raises(docker.errors.NotFound):
        sdk.volumes.get("wt-v")
    sdk.volumes.create("wt-p", labels={"wt": ""})
    pruned = sdk.volumes.prune(filters={"all": "true", "label": "wt"})
    assert pruned == {"VolumesDeleted": ["wt-p"], "SpaceReclaimed": 0}


def test_docker_py_mounts_by_volumes_and_by_mounts(sdk: docker.DockerClient, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("of the host")
    said = sdk.containers.run(
        IMAGE, ["cat", "/h/file"], remove=True, volumes={str(tmp_path): {"bind": "/h", "mode": "ro"}}
    )
    assert said == b"of the host"
    mounts = [
        docker.types.Mount("/v", "wt-v", labels={"x": "y"}),
        docker.types.Mount("/t", None, type="tmpfs", tmpfs_size="1m"),
        docker.types.Mount("/b", str(tmp_path), type="bind", read_only=True),
    ]
    container = sdk.containers.create(IMAGE, ["sh", "-c", "echo x >/b/new"], name="wt-sdk", mounts=mounts)
    assert sdk.volumes.get("wt-v").attrs["Labels"] == {"x": "y"}
    container.start()
    assert container.wait()["StatusCode"] == 1
    assert sorted(mount["Type"] for mount in container.attrs["Mounts"]) == ["bind", "tmpfs", "volume"]
    with pytest.raises(docker.errors.APIError, match="volume is in use"):
        sdk.volumes.get("wt-v").remove()
