"""`cp` on this side: what paths mean, and archives of strangers made into files."""

import io
import os
import stat
import tarfile
from pathlib import Path

import pytest

from content_kit import Member, directory, hardlink, symlink, tar
from wharf.cli.copying import paths
from wharf.cli.copying.pack import packed
from wharf.cli.copying.paths import CopyInfo
from wharf.cli.copying.progress import Progress
from wharf.cli.copying.unpack import unpack
from wharf.cli.errors import CliError


def _same(name: str) -> str:
    return name


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a/b", ("/a", "b")),
        ("/a/b/", ("/a", "b")),
        ("/a/b/.", ("/a/b", ".")),
        ("/", ("/", "/")),
        ("/a", ("/", "a")),
        ("a", (".", "a")),
        ("a/b", ("a", "b")),
    ],
)
def test_a_path_is_a_folder_and_an_entry_of_it(path: str, expected: tuple[str, str]) -> None:
    assert paths.split(path) == expected


@pytest.mark.parametrize(
    ("cleaned", "original", "expected"),
    [("/a", "a/", "/a/"), ("/a", "a/.", "/a/."), ("/a", "a", "/a"), ("/", "/.", "/."), ("/", "/", "/")],
)
def test_a_path_keeps_its_end(cleaned: str, original: str, expected: str) -> None:
    assert paths.keeping_end(cleaned, original) == expected


_FILE, _FOLDER = CopyInfo("/s/f", exists=True), CopyInfo("/s/d", exists=True, is_directory=True)


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (_FILE, CopyInfo("/t", exists=True, is_directory=True), ("/t", None)),
        (_FILE, CopyInfo("/t/g", exists=True), ("/t", ("f", "g"))),
        (_FILE, CopyInfo("/t/g"), ("/t", ("f", "g"))),
        (_FOLDER, CopyInfo("/t/g/"), ("/t", ("d", "g"))),
        (
            CopyInfo("/s/d/.", exists=True, is_directory=True, rebase_name="x"),
            CopyInfo("/t/g"),
            ("/t", ("x", "g")),
        ),
    ],
)
def test_where_a_copy_goes(
    source: CopyInfo, target: CopyInfo, expected: tuple[str, tuple[str, str] | None]
) -> None:
    assert paths.plan(source, target) == expected


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        (_FOLDER, CopyInfo("/t/g", exists=True), "cannot copy directory"),
        (_FILE, CopyInfo("/t/g/"), "no such directory"),
        (_FILE, CopyInfo("/t/g/."), "no such directory"),
    ],
)
def test_ends_that_do_not_fit(source: CopyInfo, target: CopyInfo, words: str) -> None:
    with pytest.raises(CliError, match=words):
        paths.plan(source, target)


def test_a_destination_follows_links_to_what_is_not_there_yet(tmp_path: Path) -> None:
    os.symlink("b", tmp_path / "a")
    os.symlink("c", tmp_path / "b")
    found = paths.destination(str(tmp_path / "a"))
    assert (found.path, found.exists) == (str(tmp_path / "c"), False)
    os.symlink("loop", tmp_path / "loop")
    with pytest.raises(CliError, match="too many symlinks"):
        paths.destination(str(tmp_path / "loop"))


def test_files_come_out_of_an_archive_as_they_went_in(tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    (source / "sub").mkdir(parents=True)
    out.mkdir()
    (source / "sub" / "big").write_bytes(os.urandom(3 << 20))
    os.link(source / "sub" / "big", source / "twin")
    os.symlink("sub/big", source / "link")
    os.mkfifo(source / "pipe", 0o640)
    (source / ("n" * 200)).write_text("long")
    (source / "sub").chmod(0o2750)
    os.utime(source / "sub", (5, 5))
    unpack(packed(str(source), lambda name: name.replace("source", "copy", 1)), str(out), _same)
    copy = out / "copy"
    assert (copy / "sub" / "big").read_bytes() == (source / "sub" / "big").read_bytes()
    assert (copy / "twin").stat().st_ino == (copy / "sub" / "big").stat().st_ino
    assert os.readlink(copy / "link") == "sub/big"
    assert stat.S_ISFIFO((copy / "pipe").stat().st_mode)
    assert (copy / ("n" * 200)).read_text() == "long"
    folder = (copy / "sub").stat()
    assert (stat.S_IMODE(folder.st_mode), folder.st_mtime) == (0o2750, 5)


def test_what_is_in_a_folder_goes_by_a_dot(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    with tarfile.open(fileobj=io.BytesIO(b"".join(packed(f"{tmp_path}/.", _same)))) as archive:
        assert archive.getnames() == [".", "./f"]


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    folder = tmp_path / "marker"
    folder.mkdir(0o755)
    (folder / "secret").write_text("mine")
    return folder


_HOSTILE = {
    "above": [Member("../marker/new", b"1")],
    "above, further in": [Member("a/../../marker/new", b"1")],
    "through an absolute link": [symlink("l", "{marker}"), Member("l/new", b"1")],
    "through a relative link": [symlink("l", "../marker"), Member("l/new", b"1")],
    "through two links": [symlink("l", "m"), symlink("m", "../marker"), Member("l/new", b"1")],
    "a hard link to outside": [hardlink("h", "../marker/secret")],
    "a hard link through a link": [symlink("l", "../marker"), hardlink("h", "l/secret")],
    "a directory over a link": [symlink("l", "../marker"), directory("l", mode=0o777)],
    "a file over a directory": [directory("d"), Member("d", b"1")],
}


@pytest.mark.parametrize("members", _HOSTILE.values(), ids=_HOSTILE.keys())
def test_nothing_is_made_outside_of_the_folder(tmp_path: Path, marker: Path, members: list[Member]) -> None:
    out = tmp_path / "out"
    out.mkdir()
    made = [member._replace(link=member.link.format(marker=marker)) for member in members]
    with pytest.raises(CliError):
        unpack([tar(made)], str(out), _same)
    assert stat.S_IMODE(marker.stat().st_mode) == 0o755
    assert os.listdir(marker) == ["secret"]
    assert (marker / "secret").read_text() == "mine"
    assert (marker / "secret").stat().st_nlink == 1


def test_a_file_takes_the_place_of_a_link_and_not_of_what_it_leads_to(tmp_path: Path, marker: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    os.symlink(marker / "secret", out / "f")
    unpack([tar([Member("f", b"new")])], str(out), _same)
    assert (out / "f").read_bytes() == b"new"
    assert not (out / "f").is_symlink()
    assert (marker / "secret").read_text() == "mine"


@pytest.mark.parametrize("data", [b"garbage" * 1000, tar([Member("f", b"x" * 5000)])[:2000]])
def test_a_broken_archive_is_an_error(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(CliError):
        unpack([data], str(tmp_path), _same)


def test_progress_counts_and_shows_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    times = iter([0.0, 0.01, 0.1, 0.1])
    monkeypatch.setattr("time.monotonic", lambda: next(times))
    screen = Screen()
    progress = Progress("Copying - ", screen)
    assert list(progress.counted([b"ab", b"c" * 1500])) == [b"ab", b"c" * 1500]
    progress.clear()
    assert screen.getvalue() == "\x1b[sCopying - 1.5kB\x1b[u\x1b[2K"
    assert progress.copied == 1502
