"""Paths in somebody else's tree never lead out of it: the M1 of every room that reads images."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from wharf.linux.rooted import Root


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree beside a folder that must not be reached."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("secret")
    (tmp_path / "tree").mkdir()
    return tmp_path / "tree"


@pytest.fixture
def root(tree: Path) -> Iterator[Root]:
    with Root.at(str(tree)) as opened:
        yield opened


def where(fd: int) -> str:
    path = os.readlink(f"/proc/self/fd/{fd}")
    os.close(fd)
    return path


@pytest.mark.parametrize("path", ["/a/b", "a/b", "./a//b/", "../../a/b", "/../a/../a/b"])
def test_a_path_is_found_from_the_root_however_written(root: Root, tree: Path, path: str) -> None:
    (tree / "a/b").mkdir(parents=True)
    assert where(root.open(path)) == f"{tree}/a/b"


@pytest.mark.parametrize("target", ["/../outside", "../outside", "../../../../../outside"])
def test_a_link_stays_inside(root: Root, tree: Path, target: str) -> None:
    (tree / "link").symlink_to(target)
    with pytest.raises(FileNotFoundError) as caught:
        root.open("/link/secret")
    assert caught.value.filename == "/link/secret"


def test_an_absolute_link_begins_at_the_root(root: Root, tree: Path) -> None:
    (tree / "real").mkdir()
    (tree / "link").symlink_to("/real")
    assert where(root.open("/link")) == f"{tree}/real"


def test_the_last_link_is_opened_itself_when_asked(root: Root, tree: Path) -> None:
    (tree / "link").symlink_to("/nowhere")
    assert root.readlink("/link") == "/nowhere"


def test_a_jump_of_proc_is_refused() -> None:
    with Root.at("/") as root, pytest.raises(OSError, match="symbolic links") as caught:
        root.open(f"/proc/self/fd/{root.fd}")
    assert caught.value.errno == errno.ELOOP


def test_folders_are_made_with_their_mode(root: Root, tree: Path) -> None:
    assert where(root.make_directories("/a/b/c", 0o750)) == f"{tree}/a/b/c"
    assert [(tree / part).stat().st_mode & 0o777 for part in ("a", "a/b", "a/b/c")] == [0o750] * 3


def test_folders_that_are_there_are_left_alone(root: Root, tree: Path) -> None:
    (tree / "a").mkdir(mode=0o700)
    assert where(root.make_directories("/a")) == f"{tree}/a"
    assert (tree / "a").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("target", ["/../outside/made", "../outside/made", "/outside/made"])
def test_folders_behind_a_dangling_link_are_made_inside(root: Root, tree: Path, target: str) -> None:
    (tree / "link").symlink_to(target)
    assert where(root.make_directories("/link/x")) == f"{tree}/outside/made/x"
    assert sorted(os.listdir(tree.parent / "outside")) == ["secret"]


def test_a_relative_dangling_link_counts_from_its_own_folder(root: Root, tree: Path) -> None:
    (tree / "a").mkdir()
    (tree / "a/link").symlink_to("b")
    assert where(root.make_directories("/a/link")) == f"{tree}/a/b"


def test_a_file_in_the_way_is_told(root: Root, tree: Path) -> None:
    (tree / "file").touch()
    with pytest.raises(NotADirectoryError) as caught:
        root.make_directories("/file/x")
    assert caught.value.filename == "/file/x"


def test_links_that_chase_each_other_are_given_up(root: Root, tree: Path) -> None:
    (tree / "a").symlink_to("b")
    (tree / "b").symlink_to("a")
    with pytest.raises(OSError, match="symbolic links"):
        root.make_directories("/a/x")


def test_an_empty_file_is_made_with_what_is_above(root: Root, tree: Path) -> None:
    assert where(root.make_file("/a/file", 0o640)) == f"{tree}/a/file"
    assert (tree / "a/file").stat().st_mode & 0o777 == 0o640


def test_a_file_that_is_there_keeps_its_content(root: Root, tree: Path) -> None:
    (tree / "file").write_text("content")
    os.close(root.make_file("/file"))
    assert (tree / "file").read_text() == "content"


@pytest.mark.parametrize("target", ["/../outside/made", "../outside/made"])
def test_a_file_behind_a_dangling_link_is_made_inside(root: Root, tree: Path, target: str) -> None:
    (tree / "link").symlink_to(target)
    assert where(root.make_file("/link")) == f"{tree}/outside/made"
    assert sorted(os.listdir(tree.parent / "outside")) == ["secret"]


def test_a_fifo_is_found_and_not_waited_for(root: Root, tree: Path) -> None:
    os.mkfifo(tree / "fifo")
    assert where(root.make_file("/fifo")) == f"{tree}/fifo"


def test_the_status_is_that_of_the_target_or_the_link(root: Root, tree: Path) -> None:
    (tree / "file").touch()
    (tree / "link").symlink_to("file")
    assert root.stat("/link").st_ino == (tree / "file").stat().st_ino
    assert root.stat("/link", follow=False).st_ino == (tree / "link").lstat().st_ino


@pytest.mark.parametrize("path", ["/", "", ".", "/..", "a/.."])
def test_a_path_that_is_no_entry_has_no_parent(root: Root, path: str) -> None:
    with pytest.raises(OSError, match="Invalid argument"):
        root.parent(path)


def test_a_closed_root_is_closed_once(tree: Path) -> None:
    root = Root.at(str(tree))
    root.close()
    root.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        root.open("/")
