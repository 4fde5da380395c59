"""inotify against the real kernel."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from wharf.linux import inotify
from wharf.linux.inotify import Mask


@pytest.fixture
def fd() -> Iterator[int]:
    number = inotify.init()
    yield number
    os.close(number)


def test_a_write_to_a_watched_file_is_an_event(fd: int, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.touch()
    watch = inotify.add_watch(fd, str(path), Mask.MODIFY)
    path.write_text("x")
    assert inotify.Event(watch, Mask.MODIFY, 0, "") in inotify.read(fd)


def test_events_of_a_folder_carry_the_names(fd: int, tmp_path: Path) -> None:
    watch = inotify.add_watch(fd, str(tmp_path), Mask.CREATE | Mask.MOVED_FROM | Mask.MOVED_TO)
    (tmp_path / "é.log").touch()
    (tmp_path / "é.log").rename(tmp_path / "b")
    created, moved_from, moved_to = inotify.read(fd)
    assert created == (watch, Mask.CREATE, 0, "é.log")
    assert (moved_from.mask, moved_from.name) == (Mask.MOVED_FROM, "é.log")
    assert (moved_to.mask, moved_to.name, moved_to.cookie) == (Mask.MOVED_TO, "b", moved_from.cookie)


def test_nothing_at_hand_is_blocking_io(fd: int) -> None:
    with pytest.raises(BlockingIOError):
        inotify.read(fd)


def test_a_missing_file_is_an_oserror_with_its_path(fd: int, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        inotify.add_watch(fd, str(tmp_path / "none"), Mask.MODIFY)
    assert caught.value.filename == str(tmp_path / "none")


def test_an_ended_watch_says_so_once(fd: int, tmp_path: Path) -> None:
    watch = inotify.add_watch(fd, str(tmp_path), Mask.CREATE)
    inotify.remove_watch(fd, watch)
    assert inotify.read(fd) == [(watch, Mask.IGNORED, 0, "")]
    with pytest.raises(OSError, match="Invalid argument"):
        inotify.remove_watch(fd, watch)
