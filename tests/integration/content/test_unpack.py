"""Unpacking: what a layer's members become, and that nothing hostile leaves the target."""

import contextlib
import errno
import gzip
import io
import os
import socket
import stat
import tarfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from content_kit import Member, directory, hardlink, run_job, symlink, tar
from wharf.content import sandbox
from wharf.content.removal import remove_tree
from wharf.content.unpack import unpack_job
from wharf.errors import EngineError, InvalidParameter
from wharf.linux import capability, mount, seqpacket
from wharf.schema.digest import Digest

pytestmark = pytest.mark.kernel


def unpack(data: bytes, target: Path, **expected: str) -> dict[str, object]:
    """Unpack `data` into `target` as the spawner would."""
    target.mkdir(exist_ok=True)
    source = target.parent / "layer"
    source.write_bytes(data)
    fds = [os.open(source, os.O_RDONLY), os.open(target, os.O_RDONLY | os.O_DIRECTORY)]
    try:
        return run_job(unpack_job, {"offset": 0, "size": len(data), **expected}, fds)
    finally:
        for fd in fds:
            os.close(fd)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "fs"


def test_a_file_has_its_content_owner_mode_and_time(target: Path) -> None:
    unpack(tar([Member("a", b"hello", mode=0o6755, uid=1000, gid=50, pax={"mtime": "5.000000007"})]), target)
    status = (target / "a").stat()
    assert (target / "a").read_bytes() == b"hello"
    assert stat.S_IMODE(status.st_mode) == 0o6755
    assert (status.st_uid, status.st_gid, status.st_mtime_ns) == (1000, 50, 5_000000007)


def test_a_directory_keeps_its_time_although_files_are_made_in_it_later(target: Path) -> None:
    unpack(tar([directory("d", mode=0o1777), Member("d/f"), Member("d/g")]), target)
    status = (target / "d").stat()
    assert status.st_mtime == 1_000_000_000
    assert stat.S_IMODE(status.st_mode) == 0o1777


def test_every_kind_of_node_is_made(target: Path) -> None:
    nodes = [
        Member("c", kind=tarfile.CHRTYPE, device=(1, 3), mode=0o666),
        Member("b", kind=tarfile.BLKTYPE, device=(7, 300)),
        Member("p", kind=tarfile.FIFOTYPE),
        symlink("l", "/nowhere"),
    ]
    unpack(tar(nodes), target)
    assert stat.S_ISCHR((target / "c").stat().st_mode)
    assert (target / "b").stat().st_rdev == os.makedev(7, 300)
    assert stat.S_ISFIFO((target / "p").stat().st_mode)
    assert (target / "l").readlink() == Path("/nowhere")


def test_a_hard_link_is_another_name(target: Path) -> None:
    unpack(tar([Member("a", b"x", mode=0o4755), hardlink("d/b", "/a")]), target)
    assert (target / "a").samefile(target / "d/b")
    assert (target / "d/b").stat().st_mode & 0o7777 == 0o4755


def test_a_hard_link_to_a_link_is_another_name_of_the_link(target: Path) -> None:
    unpack(tar([symlink("a", "/etc/passwd"), hardlink("b", "a")]), target)
    assert (target / "b").is_symlink()
    assert Path("/etc/passwd").stat().st_nlink == 1


def test_whiteouts_become_those_of_overlayfs(target: Path) -> None:
    unpack(tar([directory("d"), Member("d/.wh.gone"), Member("o/.wh..wh..opq"), Member("o/new")]), target)
    status = (target / "d/gone").lstat()
    assert stat.S_ISCHR(status.st_mode)
    assert status.st_rdev == 0
    assert os.getxattr(target / "o", "trusted.overlay.opaque") == b"y"
    assert sorted(os.listdir(target / "o")) == ["new"]


def test_a_directory_that_replaces_a_whiteout_hides_what_is_below(target: Path) -> None:
    unpack(tar([Member(".wh.d"), directory("d"), Member("d/f")]), target)
    assert os.getxattr(target / "d", "trusted.overlay.opaque") == b"y"


def test_only_capabilities_and_the_users_own_attributes_are_set(target: Path) -> None:
    capability = "\x01\x00\x00\x02\x00\x04\x00\x00" + "\x00" * 12
    pax = {
        "SCHILY.xattr.user.a": "1",
        "SCHILY.xattr.user.overlay.opaque": "y",
        "SCHILY.xattr.trusted.overlay.redirect": "/etc",
        "SCHILY.xattr.trusted.overlay.opaque": "y",
        "SCHILY.xattr.security.capability": capability,
        "SCHILY.xattr.security.ima": "x",
    }
    unpack(tar([Member("f", pax=pax), Member("d", kind=tarfile.DIRTYPE, pax=pax)]), target)
    assert sorted(os.listxattr(target / "f")) == ["security.capability", "user.a"]
    assert set(os.listxattr(target / "d")) <= {"security.capability", "user.a"}


def test_a_sparse_file_has_holes(target: Path) -> None:
    pax = {"GNU.sparse.size": "10000000", "GNU.sparse.map": "0,2,9000000,1"}
    unpack(tar([Member("f", b"abc", pax=pax)]), target)
    with (target / "f").open("rb") as file:
        assert file.read(2) == b"ab"
        file.seek(9_000_000)
        assert file.read(2) == b"c\0"
    status = (target / "f").stat()
    assert status.st_size == 10_000_000
    assert status.st_blocks * 512 < 100_000


def test_a_later_entry_replaces_an_earlier_one_and_directories_are_merged(target: Path) -> None:
    unpack(
        tar(
            [
                Member("a", b"old"),
                Member("a", b"new"),
                directory("d"),
                Member("d/kept"),
                directory("d", mode=0o700),
                directory("e"),
                Member("e/f"),
                Member("e", b"file"),
                Member("g"),
                directory("g"),
            ]
        ),
        target,
    )
    assert (target / "a").read_bytes() == b"new"
    assert (target / "d/kept").exists()
    assert stat.S_IMODE((target / "d").stat().st_mode) == 0o700
    assert (target / "e").read_bytes() == b"file"
    assert (target / "g").is_dir()


def test_the_roots_own_attributes_are_passed_over(target: Path) -> None:
    target.mkdir(mode=0o755)
    unpack(tar([Member(".", kind=tarfile.DIRTYPE, mode=0o700, uid=5), Member("a")]), target)
    assert (stat.S_IMODE(target.stat().st_mode), target.stat().st_uid) == (0o755, 0)


def test_links_on_the_way_are_followed_within_the_root(target: Path) -> None:
    unpack(
        tar(
            [
                directory("real"),
                symlink("abs", "/real"),
                symlink("up", "../../../real"),
                Member("abs/a", b"1"),
                Member("up/b", b"2"),
            ]
        ),
        target,
    )
    assert sorted(os.listdir(target / "real")) == ["a", "b"]


def test_times_that_no_disk_can_hold_are_1970(target: Path) -> None:
    unpack(tar([Member("f", pax={"mtime": "99999999999999999"}), Member("g", pax={"mtime": "-3"})]), target)
    assert (target / "f").stat().st_mtime == (target / "g").stat().st_mtime == 0


def test_the_result_tells_digests_and_sizes(target: Path) -> None:
    plain = tar([Member("a", b"x" * 100), symlink("l", "abc"), Member("a", b"y" * 10)])
    data = gzip.compress(plain)
    assert unpack(data, target) == {
        "diff_id": Digest.of(plain),
        "digest": Digest.of(data),
        "size": 13,
        "unpacked": len(plain),
        "compression": "gzip",
    }


def test_content_that_is_not_the_expected_layer_is_refused(target: Path) -> None:
    with pytest.raises(InvalidParameter, match=r"^wrong diffID for layer: expected sha256:00, got "):
        unpack(tar([Member("a")]), target, diff_id="sha256:00")
    with pytest.raises(InvalidParameter, match=r"^wrong digest for layer"):
        unpack(tar([Member("b")]), target, digest="sha256:00")


def test_what_follows_the_end_of_the_tar_counts_for_the_digest(target: Path) -> None:
    data = tar([Member("a")]) + b"more"
    assert unpack(data, target)["diff_id"] == Digest.of(data)


REFUSED: dict[str, Sequence[Member]] = {
    "above the root": [Member("../evil")],
    "above the root, hidden": [Member("a/../../evil")],
    "hard link above the root": [hardlink("l", "../../etc/passwd")],
    "hard link to what is only outside": [hardlink("l", "/etc/passwd")],
    "hard link through a link": [symlink("e", "/etc"), hardlink("l", "e/passwd")],
    "hard link to a directory": [directory("d"), hardlink("l", "d")],
    "hard link to itself": [Member("a"), hardlink("a", "a")],
    "hard link to the root": [hardlink("l", ".")],
    "root as a link": [symlink(".", "/etc")],
    "root as a file": [Member("./", b"x"), Member("/", b"x")],
    "whiteout of nothing": [Member(".wh.")],
    "whiteout of the directory": [Member("a/.wh..")],
    "whiteout of the parent": [Member("a/.wh...")],
    "unknown whiteout": [Member(".wh..wh.foo")],
    "whiteout of what the layer has": [Member("a"), Member(".wh.a")],
    "name of 300 bytes": [Member("n" * 300)],
    "deep path": [Member("d/" * 2500 + "f")],
    "file as a directory": [Member("a"), Member("a/b")],
    "link in a circle": [symlink("a", "b"), symlink("b", "a"), Member("a/x")],
    "device with an impossible number": [Member("c", kind=tarfile.CHRTYPE, device=(1 << 20, 0))],
    "unknown kind": [Member("x", kind=b"Z")],
}


@pytest.mark.parametrize("members", REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_a_layer_is_refused(target: Path, members: Sequence[Member]) -> None:
    with pytest.raises(InvalidParameter):
        unpack(tar(members), target)


@pytest.fixture
def marker(tmp_path: Path) -> Iterator[Path]:
    """A folder of the host that must be untouched."""
    marker = tmp_path / "marker"
    marker.mkdir(mode=0o751)
    (marker / "file").write_bytes(b"host")
    os.chmod(marker / "file", 0o640)
    before = census(marker)
    yield marker
    assert census(marker) == before


def census(folder: Path) -> list[tuple[str, int, int, int, int, bytes]]:
    found = []
    for path in [folder, *sorted(folder.rglob("*"))]:
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        found.append((str(path), status.st_mode, status.st_uid, status.st_nlink, status.st_mtime_ns, content))
    return found


def escapes(marker: str) -> dict[str, list[Member]]:
    """Return archives that try to reach `marker`."""
    up = "../" * 12
    return {
        "absolute name": [Member(f"{marker}/new", b"evil"), Member(f"{marker}/file", b"evil")],
        "through an absolute link": [symlink("l", marker), Member("l/file", b"evil"), Member("l/new")],
        "through a relative link": [symlink("l", up + marker), Member("l/file", b"evil")],
        "through two links": [symlink("a", "b/.."), symlink("b", up), Member(f"a{marker}/file", b"evil")],
        "link then file of its name": [symlink("l", f"{marker}/file"), Member("l", b"evil")],
        "directory through a link": [symlink("l", marker), Member("l", kind=tarfile.DIRTYPE, mode=0o777)],
        "directory replaced by a link": [
            directory("d"),
            Member("d/x"),
            symlink("d", marker),
            Member("d/file", b"evil"),
        ],
        "whiteout through a link": [symlink("l", marker), Member("l/.wh.file"), Member("l/.wh..wh..opq")],
        "hard link, then content": [symlink("l", marker), hardlink("h", "l"), Member("h/file", b"evil")],
        "attributes through a link": [
            symlink("l", f"{marker}/file"),
            Member("l", kind=tarfile.LNKTYPE, link="l"),
        ],
        "node through a link": [symlink("l", marker), Member("l/dev", kind=tarfile.FIFOTYPE)],
        "dangling links on the way": [symlink("l", f"{marker}/sub"), Member("l/a/b", b"evil")],
    }


@pytest.mark.parametrize("case", escapes("/m").keys())
def test_nothing_reaches_the_host(target: Path, marker: Path, case: str) -> None:
    with contextlib.suppress(InvalidParameter):  # refused or confined: the marker's fixture judges
        unpack(tar(escapes(str(marker))[case]), target)
    assert sorted(os.listdir(marker)) == ["file"]


parts = st.sampled_from(["a", "b", "..", ".", "l", "", "marker", "file", ".wh.a", ".wh..wh..opq"])
paths = st.lists(parts, min_size=1, max_size=5).map("/".join)
kinds = st.sampled_from(
    [tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
)
entries = st.builds(
    lambda name, kind, link: Member(name, kind=kind, link=link, mode=0o777, uid=99), paths, kinds, paths
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(entries, max_size=8))
def test_no_archive_of_links_reaches_the_host(tmp_path: Path, marker: Path, members: list[Member]) -> None:
    target = tmp_path / "fs"
    before = census(marker), sorted(os.listdir(tmp_path / "marker"))
    try:
        unpack(tar(members), target)
    except InvalidParameter:
        pass
    finally:
        remove_tree(str(target))
    assert (census(marker), sorted(os.listdir(tmp_path / "marker"))) == before


def test_a_bomb_stops_at_the_free_space_floor(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wharf.content.extract.FREE_FLOOR", 1 << 62)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo("zeros")
        info.size = 64 << 20
        archive.addfile(info, io.BytesIO(bytes(info.size)))
    with pytest.raises(EngineError, match="no space left on device"):
        unpack(buffer.getvalue(), target)


def test_the_worker_sees_nothing_of_the_host(tmp_path: Path) -> None:
    seen = run_job(_look_around, {"target": str(tmp_path)})
    assert seen == {
        "root": [],
        "mounts": "EPERM",
        "sockets": "EPERM",
        "programs": "EPERM",
        "signals": "EPERM",
        "effective": [
            "CAP_CHOWN",
            "CAP_DAC_OVERRIDE",
            "CAP_FOWNER",
            "CAP_FSETID",
            "CAP_SYS_ADMIN",
            "CAP_MKNOD",
            "CAP_SETFCAP",
        ],
    }


def _look_around(args: dict[str, object], channel: socket.socket, _fds: list[int]) -> None:
    folder = os.open(str(args["target"]), os.O_RDONLY | os.O_DIRECTORY)
    with sandbox.enter(folder):
        seen = {
            "root": os.listdir("/"),
            "mounts": _errno(lambda: mount.fsopen("tmpfs")),
            "sockets": _errno(socket.socket),
            "programs": _errno(lambda: os.execv("/bin/true", ["true"])),
            "signals": _errno(lambda: os.kill(1, 0)),
            "effective": capability.names_of(capability.current().effective),
        }
    seqpacket.send(channel, {"event": "result", **seen})


def _errno(call: Callable[[], object]) -> str:
    try:
        call()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "it worked"
