"""What comes from outside and means harm, or is simply broken: refused in words, nothing left behind."""

import os
import tarfile
from pathlib import Path

import pytest

from engine_kit.client import Cli
from engine_kit.engine import Engine, OwnEngine
from engine_kit.image import IMAGE, busybox_layer, docker_archive, entry, layer


def _archive(tmp_path: Path, content: bytes) -> str:
    path = tmp_path / "image.tar"
    path.write_bytes(content)
    return str(path)


def _file(name: str, content: bytes = b"x") -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, mode=0o644, kind=tarfile.REGTYPE), content


def _link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, kind=kind, link=target), b""


@pytest.mark.parametrize(
    "name",
    ["../outside", "a/../../outside", "/../outside", "./../../../../../../../../outside"],
)
def test_a_layer_with_names_that_climb_out_writes_nothing_outside(
    own_engine: OwnEngine, name: str, tmp_path: Path
) -> None:
    hostile = docker_archive("wt-bad:1", [layer([_file(name)])])
    own_engine.cli("wharf")("load", "-i", _archive(tmp_path, hostile))
    assert not list(own_engine.folder.rglob("*/outside")) or all(
        "/snapshots/" in str(path) for path in own_engine.folder.rglob("outside")
    )
    assert not Path("/outside").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE], ids=["symlink", "hard link"])
def test_a_layer_that_writes_through_its_own_links_stays_inside(
    own_engine: OwnEngine, kind: bytes, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    marker.mkdir()
    (marker / "kept").write_text("as it was")
    target = str(marker) if kind == tarfile.SYMTYPE else str(marker / "kept")
    hostile = layer([_link("way", target, kind), _file("way/kept", b"changed"), _file("way", b"changed")])
    own_engine.cli("wharf")("load", "-i", _archive(tmp_path, docker_archive("wt-bad:1", [hostile])))
    assert (marker / "kept").read_text() == "as it was"
    assert os.listdir(marker) == ["kept"]


def test_a_layer_that_is_not_what_its_digest_says_is_refused(cli: Cli, tmp_path: Path) -> None:
    good = docker_archive("wt-bad:1", [layer([_file("a", b"A" * 512)])])
    bad = good.replace(b"A" * 512, b"B" * 512)
    done = cli("load", "-i", _archive(tmp_path, bad))
    assert done.code == 1
    assert cli("image", "inspect", "wt-bad:1").code == 1


def test_a_truncated_layer_is_refused(cli: Cli, tmp_path: Path) -> None:
    good = docker_archive("wt-bad:1", [busybox_layer()])
    done = cli("load", "-i", _archive(tmp_path, good[: len(good) // 2]))
    assert done.code == 1
    assert cli("image", "inspect", "wt-bad:1").code == 1


@pytest.mark.parametrize(
    "digest",
    ["sha256:../../../etc/passwd", "sha256:" + "g" * 64, "md5:" + "0" * 32, "", "sha256:" + "A" * 64],
)
def test_an_ill_formed_digest_is_never_a_path(own_engine: OwnEngine, digest: str, tmp_path: Path) -> None:
    text = layer([_file("a")])
    good = docker_archive("wt-bad:1", [text])
    start = good.index(b'"diff_ids": ["') + len(b'"diff_ids": ["')
    length = good.index(b'"', start) - start
    bad = good[:start] + digest.encode().ljust(length, b" ")[:length] + good[start + length :]
    done = own_engine.cli("wharf")("load", "-i", _archive(tmp_path, bad))
    assert done.code == 1
    assert own_engine.http("GET", "/_ping").status == 200


def test_workdir_and_files_of_an_image_that_are_links_lead_nowhere_on_the_host(
    cli: Cli, engine: Engine, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    marker.mkdir()
    top = layer(
        [
            _link("w", str(marker)),
            _link("etc/hosts", str(marker / "hosts")),
            _link("etc/hostname", "/proc/self/exe"),
            _link("etc/resolv.conf", "../../../../../../etc/nosuch"),
            _link("etc/mtab", str(marker / "mtab")),
        ]
    )
    engine.load(docker_archive("wt-links:1", [busybox_layer(), top], {"WorkingDir": "/w/made"}))
    cli("run", "--rm", "wt-links:1", "true")
    assert os.listdir(marker) == []


def test_descriptors_of_the_host_are_no_working_directory(cli: Cli) -> None:
    for number in (0, 1, 2, 3, 5, 7, 9, 12):
        done = cli("run", "--rm", "-w", f"/proc/self/fd/{number}", IMAGE, "ls", "-a", "..")
        assert "wharf" not in done.out
        assert "usr" not in done.out.split()


def test_only_the_three_streams_are_open_inside(cli: Cli) -> None:
    cli("run", "-d", "--name", "wt-fds", IMAGE, "sleep", "1000").ok()
    assert cli("exec", "wt-fds", "ls", "/proc/1/fd").ok().split() == ["0", "1", "2"]


@pytest.mark.parametrize(
    "user", ["-1", "+0", "00", "4294967296", "0x0", "1e3", "root:", ":root", "a:b:c", " "]
)
def test_odd_users_never_become_root_unasked(cli: Cli, user: str) -> None:
    done = cli("run", "--rm", "-u", user, IMAGE, "id", "-u")
    if user in ("+0", "00", "root:", ":root"):
        assert done.out in ("0\n", "")
    else:
        assert done.out != "0\n"
