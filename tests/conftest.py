"""Fixtures every room shares: engines under test and their clients.

`WHARF_TEST_HOST=unix:///…` runs the tests of behaviour against an engine that is up already: a test that
fails on Docker may not judge us.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine_kit.client import Cli, clients
from engine_kit.engine import Engine, OwnEngine
from engine_kit.image import busybox_path

# No test starts the default engine of this host by asking for it without an address.
os.environ["WHARF_AUTOSTART"] = "0"

_FOREIGN = os.environ.get("WHARF_TEST_HOST", "")
_ENGINE_FIXTURES = {"engine", "own_engine", "fresh_engine", "small_engine", "shared_engine"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that start engines run one after the other, those that kill them beside the rest.

    So there are never more of them at a time than their time limits allow for.
    """
    for item in items:
        if item.path.parent.name == "crash":
            item.add_marker(pytest.mark.xdist_group("crash"))
        elif _ENGINE_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group("engine"))


def _need_root_and_busybox() -> None:
    if os.geteuid() != 0:
        pytest.skip("starting an engine needs root")
    if busybox_path() is None:
        pytest.skip("no static busybox on this host (package busybox-static)")


@pytest.fixture(scope="module")
def shared_engine() -> Iterator[Engine]:
    """One engine for a module's tests of behaviour; after them this process has no children again."""
    _need_root_and_busybox()
    if _FOREIGN:
        with tempfile.TemporaryDirectory(prefix="wharf-test-") as home:
            foreign = Engine(_FOREIGN.removeprefix("unix://"), Path(home))
            foreign.provide_image()
            yield foreign
    else:
        with OwnEngine.running("shared") as own:
            yield own


@pytest.fixture
def engine(shared_engine: Engine) -> Iterator[Engine]:
    """The shared engine, which must be as it was when the test has ended."""
    if not isinstance(shared_engine, OwnEngine):
        yield shared_engine
        shared_engine.clear()
        return
    if shared_engine.has_ended:
        shared_engine.start()
    base = shared_engine.base()
    yield shared_engine
    assert not shared_engine.has_ended, f"the engine ended; its log:\n{shared_engine.log}"
    shared_engine.clear()
    shared_engine.settle(base)


@pytest.fixture
def own_engine(engine: Engine) -> OwnEngine:
    """The shared engine, for tests that look at its processes and files."""
    if not isinstance(engine, OwnEngine):
        pytest.skip("looks inside an engine of ours")
    return engine


@pytest.fixture
def fresh_engine() -> Iterator[OwnEngine]:
    """An engine for this test alone, which may do to it what it likes."""
    _need_root_and_busybox()
    if _FOREIGN:
        pytest.skip("looks inside an engine of ours")
    with OwnEngine.running("fresh") as own:
        yield own


@pytest.fixture
def small_engine() -> Iterator[OwnEngine]:
    """A fresh engine whose data root is a file system of 64 MB."""
    _need_root_and_busybox()
    if _FOREIGN:
        pytest.skip("looks inside an engine of ours")
    with OwnEngine.running("small", disk="64m") as own:
        yield own


@pytest.fixture(params=["docker", "wharf"])
def cli(request: pytest.FixtureRequest, engine: Engine) -> Cli:
    """Each command-line client in turn, pointed at the shared engine."""
    if request.param not in clients():
        pytest.skip(f"the {request.param} CLI is not installed")
    return engine.cli(request.param)
