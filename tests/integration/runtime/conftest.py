"""Fixtures of the runtime's tests: a fresh container folder for each, and a census around it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import runtime_kit
from engine_kit.image import busybox_path


@pytest.fixture(scope="session")
def lower(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A busybox root, never written to."""
    if os.geteuid() != 0:
        pytest.skip("making containers needs root")
    if busybox_path() is None:
        pytest.skip("no static busybox on this host (package busybox-static)")
    yield runtime_kit.make_lower(tmp_path_factory.mktemp("lower"))
    runtime_kit.remove_cgroups()


@pytest.fixture
def box(tmp_path: Path, lower: Path) -> runtime_kit.Box:
    """Folders for one container."""
    return runtime_kit.Box(tmp_path / "box", lower)


@pytest.fixture(autouse=True)
def _nothing_is_left(lower: Path) -> Iterator[None]:
    """Compare mounts, children, cgroups and descriptors before and after."""
    assert lower.is_dir()
    before = runtime_kit.census()
    yield
    assert runtime_kit.census() == before
