"""Removing trees: all of them, whatever their depth, and never what a link leads to."""

import os
from pathlib import Path

import pytest

from wharf.content.removal import remove_tree


def test_a_tree_goes_with_all_that_is_in_it(tmp_path: Path) -> None:
    top = tmp_path / "top"
    (top / "a/b").mkdir(parents=True)
    (top / "a/f").write_bytes(b"x")
    os.mkfifo(top / "p")
    remove_tree(str(top))
    assert os.listdir(tmp_path) == []


def test_what_links_lead_to_stays(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/file").write_bytes(b"x")
    (tmp_path / "top").mkdir()
    (tmp_path / "top/link").symlink_to(tmp_path / "kept")
    os.link(tmp_path / "kept/file", tmp_path / "top/hard")
    remove_tree(str(tmp_path / "top"))
    assert (tmp_path / "kept/file").read_bytes() == b"x"


def test_a_link_is_not_a_tree(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "link").symlink_to("kept")
    with pytest.raises(OSError, match="Not a directory"):
        remove_tree(str(tmp_path / "link"))


def test_depth_costs_neither_descriptors_nor_stack(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    for name in ["top"] + ["d"] * 3000:
        os.mkdir(name, dir_fd=fd)
        inner = os.open(name, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = inner
    os.close(fd)
    remove_tree(str(tmp_path / "top"))
    assert os.listdir(tmp_path) == []


def test_names_that_look_like_ours_are_no_obstacle(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.joinpath(*["d"] * 40, "deep-1").mkdir(parents=True)
    (top / "deep-1").mkdir()
    (top / "deep-1/x").write_bytes(b"")
    (top / "deep-2").write_bytes(b"")
    remove_tree(str(top))
    assert os.listdir(tmp_path) == []
