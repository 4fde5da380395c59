"""A warm spawner and containers for the shim's tests."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import runtime_kit
import shim_kit
from engine_kit.image import busybox_path
from wharf.spawner.client import Spawner


@pytest.fixture(scope="session")
def lower() -> Iterator[Path]:
    if os.geteuid() != 0 or busybox_path() is None:
        pytest.skip("needs root and a static busybox")
    folder = Path(tempfile.mkdtemp(prefix="wharf-shim-lower-"))
    yield runtime_kit.make_lower(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="session", autouse=True)
def cgroups_removed() -> Iterator[None]:
    yield
    runtime_kit.remove_cgroups()


@pytest.fixture
async def spawner() -> AsyncIterator[Spawner]:
    spawner = await Spawner.start(shim_kit.warm_program(), variables=os.environ)
    yield spawner
    await spawner.close()


@pytest.fixture
async def containers(spawner: Spawner, lower: Path) -> AsyncIterator[shim_kit.Factory]:
    factory = shim_kit.Factory(spawner, lower)
    yield factory
    await factory.close()
