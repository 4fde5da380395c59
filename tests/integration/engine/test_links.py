"""Links outlive what they were made with: the engine, its shims, the address of the linked container."""

import os
import signal

import pytest

from engine_kit.engine import OwnEngine
from engine_kit.image import IMAGE
from engine_kit.patience import eventually

pytestmark = pytest.mark.kernel


def _linked_address(engine: OwnEngine) -> str:
    hosts = engine.cli("wharf")("exec", "wt-parent", "cat", "/etc/hosts").ok()
    (line,) = [line for line in hosts.splitlines() if "\tdb " in line]
    return line.partition("\t")[0]


def _address(engine: OwnEngine, name: str) -> str:
    shown = "{{.NetworkSettings.Networks.bridge.IPAddress}}"
    return engine.cli("wharf")("inspect", "-f", shown, name).ok()


def test_links_hold_when_the_engine_and_the_shims_have_been_killed(fresh_engine: OwnEngine) -> None:
    wharf = fresh_engine.cli("wharf")
    always = ("--restart", "always", "--stop-signal", "KILL")
    wharf("run", "-d", "--name", "wt-child", *always, "-e", "A=b", IMAGE, "top").ok()
    wharf("run", "-d", "--name", "wt-parent", *always, "--link", "wt-child:db", IMAGE, "top").ok()
    wharf("network", "create", "wt-net").ok()
    for name, link in (("wt-one", ()), ("wt-two", ("--link", "wt-one:other"))):
        wharf("run", "-d", "--name", name, "--network", "wt-net", *link, IMAGE, "top").ok()
    fresh_engine.kill()
    fresh_engine.start()
    assert wharf("exec", "wt-two", "ping", "-c", "1", "-q", "other").code == 0
    assert _linked_address(fresh_engine) == _address(fresh_engine, "wt-child")
    assert "DB_ENV_A=b" in wharf("exec", "wt-parent", "env").ok().splitlines()

    bundles = fresh_engine.exec_root / "containers"
    shims = [int((path / "shim.pid").read_text().split()[0]) for path in bundles.iterdir()]
    fresh_engine.kill()
    for shim in shims:
        os.kill(shim, signal.SIGKILL)
    fresh_engine.start()
    # Both come back by themselves, the linked one first: the other one could not be started without it.
    eventually(
        lambda: wharf("exec", "wt-parent", "true").code == 0, what="the container that links to come back"
    )
    assert _linked_address(fresh_engine) == _address(fresh_engine, "wt-child")
    assert wharf("inspect", "-f", "{{.HostConfig.Links}}", "wt-parent").ok() == "[/wt-child:/wt-parent/db]"
    fresh_engine.remove(fresh_engine.ids())
    wharf("network", "rm", "wt-net").ok()
