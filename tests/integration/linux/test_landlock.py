"""Landlock on the real kernel, each test in a child that gives itself up."""

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from confinement_kit import in_child
from wharf.linux import landlock
from wharf.linux.landlock import ALL, READ, Access

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(landlock.abi() == 0, reason="this kernel has no Landlock, or it is switched off"),
]


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders with a file each."""
    ours, others = tmp_path / "ours", tmp_path / "others"
    ours.mkdir()
    others.mkdir()
    (ours / "file").write_text("ours")
    (others / "file").write_text("others")
    return ours, others


def _errno(work: Callable[[], object]) -> int:
    try:
        work()
    except OSError as error:
        return error.errno or -1
    return 0


def _restricted(path: Path, access: Access, *works: Callable[[], object], network: bool = False) -> list[int]:
    """Return the errnos (0: it worked) of `works` in a child that may only reach `path`."""

    def confined() -> list[int]:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        assert landlock.restrict([(fd, access)], network=network) == landlock.abi()
        return [_errno(work) for work in works]

    result = in_child(confined)
    assert isinstance(result, list)
    return result


def test_only_the_named_tree_can_be_written(trees: tuple[Path, Path]) -> None:
    ours, others = trees
    assert _restricted(
        ours,
        ALL,
        lambda: (ours / "new").write_text("x"),
        (ours / "folder").mkdir,
        lambda: (others / "new").write_text("x"),
        (others / "file").read_text,
        lambda: os.unlink(others / "file"),
        lambda: os.listdir("/"),
    ) == [0, 0, errno.EACCES, errno.EACCES, errno.EACCES, errno.EACCES]
    assert (ours / "new").read_text() == "x"


def test_reading_is_no_writing(trees: tuple[Path, Path]) -> None:
    ours, _ = trees
    assert _restricted(
        ours,
        READ,
        (ours / "file").read_text,
        lambda: os.listdir(ours),
        lambda: (ours / "file").write_text("x"),
        lambda: (ours / "new").write_text("x"),
        lambda: os.unlink(ours / "file"),
    ) == [0, 0, errno.EACCES, errno.EACCES, errno.EACCES]


def test_a_way_out_by_link_or_parent_is_closed(trees: tuple[Path, Path]) -> None:
    ours, others = trees
    (ours / "link").symlink_to(others / "file")
    assert _restricted(ours, ALL, (ours / "link").read_text, (ours / ".." / "others" / "file").read_text) == [
        errno.EACCES,
        errno.EACCES,
    ]


def test_hard_links_do_not_carry_files_in(trees: tuple[Path, Path]) -> None:
    ours, others = trees
    (refused,) = _restricted(ours, ALL, lambda: os.link(others / "file", ours / "stolen"))
    assert refused in (errno.EXDEV, errno.EACCES)


def test_files_move_between_folders_of_the_tree(trees: tuple[Path, Path]) -> None:
    if landlock.abi() < 2:
        pytest.skip("ABI 1 refuses this always")
    ours, _ = trees
    (ours / "a").mkdir()
    assert _restricted(ours, ALL, lambda: os.rename(ours / "file", ours / "a" / "file")) == [0]


def test_a_single_file_can_be_a_rule(trees: tuple[Path, Path]) -> None:
    ours, _ = trees
    assert _restricted(
        ours / "file", READ, (ours / "file").read_text, lambda: (ours / "file").write_text("x")
    ) == [0, errno.EACCES]


def test_tcp_is_refused_unless_it_is_asked_for(trees: tuple[Path, Path]) -> None:
    if landlock.abi() < 4:
        pytest.skip("this kernel's Landlock knows no network")

    def bind() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            tcp.bind(("127.0.0.1", 0))

    assert _restricted(trees[0], ALL, bind) == [errno.EACCES]
    assert _restricted(trees[0], ALL, bind, network=True) == [0]


def test_a_descriptor_of_something_else_is_no_rule() -> None:
    def work() -> int:
        reader, _ = os.pipe()
        return _errno(lambda: landlock.restrict([(reader, READ)]))

    assert in_child(work) == errno.EBADFD
