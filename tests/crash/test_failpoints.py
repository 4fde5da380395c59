"""At every failpoint, whichever process stands there is killed; a restart sets everything right."""

import contextlib
import http.client
import subprocess
import tempfile
from collections.abc import Callable, Iterator

import pytest

from cli_kit import PROGRAM
from engine_kit import failpoints
from engine_kit.engine import OwnEngine
from engine_kit.image import IMAGE, docker_archive, entry, layer

NAMES = failpoints.names()


def test_there_are_failpoints_where_the_kernel_or_the_disk_is_changed() -> None:
    rooms = {name.partition(".")[0] for name in NAMES}
    assert rooms >= {"shim", "spawner"}
    assert len(NAMES) >= 10


def test_failpoint_names_say_their_room() -> None:
    assert [name for name in NAMES if "." not in name] == []


_ROTATED = ("--log-opt", "max-size=10k", "--log-opt", "max-file=2", "--log-opt", "compress=true")


def _live(engine: OwnEngine) -> None:
    """Go through a container's whole life; any step may fail, since something is killed on the way."""
    cli = engine.cli("wharf")
    small = docker_archive("wt-load:1", [layer([(entry("f", mode=0o644, kind=b"0"), b"content")])])
    with contextlib.suppress(OSError, AssertionError, http.client.HTTPException):
        engine.load(small)
    steps = [
        ("run", "--name", "wt-a", IMAGE, "true"),
        ("run", "-d", "--name", "wt-b", "-p", "127.0.0.1:18080:80", IMAGE, "sleep", "1000"),
        ("exec", "wt-b", "true"),
        ("cp", "/proc/version", "wt-b:/tmp/version"),
        ("cp", "wt-b:/etc/passwd", "-"),
        ("commit", "wt-b", "wt-made:1"),
        ("update", "--cpu-shares", "512", "wt-b"),
        ("stop", "-t", "0", "wt-b"),
        ("start", "wt-b"),
        ("tag", IMAGE, "wt-tag:1"),
        ("rmi", "wt-tag:1"),
        ("network", "create", "--ipv6", "wt-net"),
        ("network", "connect", "wt-net", "wt-b"),
        ("network", "disconnect", "wt-net", "wt-b"),
        ("run", "-d", "--name", "wt-c", "--network", "wt-net", IMAGE, "sleep", "1000"),
        ("run", "--name", "wt-d", *_ROTATED, IMAGE, "seq", "2000"),
        ("logs", "wt-d"),
        ("rm", "-f", "wt-a", "wt-b", "wt-c", "wt-d"),
        ("network", "rm", "wt-net"),
        ("rmi", "wt-load:1"),
        ("rmi", "wt-made:1"),
    ]
    for step in steps:
        with contextlib.suppress(subprocess.TimeoutExpired):
            cli(*step, limit_s=15)


_OF_RESTARTS = ("shim.restart", "shim.remade", "shim.run.", "shim.probe", "news.", "autostart.")


def _come_back(engine: OwnEngine) -> None:
    """Go through what a restart policy and a health check do."""
    cli = engine.cli("wharf")
    checks = ("--health-cmd", "true", "--health-interval", "10ms")
    ends = ("--restart", "on-failure:1", *checks, IMAGE, "sh", "-c", "sleep 0.2; exit 1")
    for step in (("run", "-d", "--name", "wt-a", *ends), ("wait", "wt-a"), ("wait", "wt-a")):
        with contextlib.suppress(subprocess.TimeoutExpired):
            cli(*step, limit_s=15)


_OF_VOLUMES = ("volume.", "runtime.stage", "start.mounted")


def _store(engine: OwnEngine) -> None:
    """Go through a volume's whole life: made by itself, with a container, filled, mounted, removed."""
    cli = engine.cli("wharf")
    shared = ("-v", "wt-t:/t")
    steps = [
        ("volume", "create", "wt-v"),
        ("volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "wt-t"),
        ("run", "--rm", "-v", "/etc", *shared, IMAGE, "touch", "/etc/new"),
        ("run", "-d", "--name", "wt-a", "-v", "wt-w:/etc", *shared, IMAGE, "sleep", "1000"),
        ("run", "--rm", "--mount", f"type=image,src={IMAGE},dst=/i", *shared, IMAGE, "ls", "/i"),
        ("rm", "-f", "-v", "wt-a"),
        ("volume", "rm", "wt-v", "wt-t", "wt-w"),
    ]
    for step in steps:
        with contextlib.suppress(subprocess.TimeoutExpired):
            cli(*step, limit_s=15)


_OF_REGISTRIES = ("content.partial.",)


@contextlib.contextmanager
def _registry(engine: OwnEngine) -> Iterator[str]:
    """Serve a registry where the engine is, and give its address."""
    with tempfile.TemporaryDirectory() as root:
        command = [*PROGRAM, "registry", "serve", "--root", root, "--addr", "127.0.0.1:0"]
        with engine.sandbox.popen(command, stderr=subprocess.PIPE) as process:
            try:
                assert process.stderr is not None
                line = process.stderr.readline().decode()
                assert "serving at " in line, line
                yield line.rpartition(" ")[2].strip()
            finally:
                process.terminate()


def _exchange(engine: OwnEngine) -> None:
    """Push an image, forget it, and pull it."""
    cli = engine.cli("wharf")
    small = docker_archive("wt-load:1", [layer([(entry("f", mode=0o644, kind=b"0"), b"content")])])
    engine.load(small)
    with _registry(engine) as address:
        name = f"{address}/wt/load:1"
        cli("tag", "wt-load:1", name).ok()
        cli("push", name).ok()
        cli("rmi", name, "wt-load:1").ok()
        cli("pull", name, limit_s=15)  # whoever serves it is killed
        engine.wait_killed()
        engine.start()
        cli("pull", name).ok()
        cli("rmi", name).ok()


def _life(name: str) -> Callable[[OwnEngine], None]:
    """Return what an engine goes through to come by a failpoint."""
    if name.startswith(_OF_RESTARTS):
        return _come_back
    if name.startswith(_OF_REGISTRIES):
        return _exchange
    return _store if name.startswith(_OF_VOLUMES) else _live


@pytest.mark.parametrize("name", NAMES)
def test_a_kill_here_loses_nothing_and_leaks_nothing(name: str) -> None:
    with OwnEngine.running("crash") as engine:
        base = engine.base()
        is_of_restarts = name.startswith(_OF_RESTARTS)
        if is_of_restarts:
            engine.cli("wharf")("run", "-d", "--name", "wt-z", "--restart", "always", IMAGE, "false").ok()
            engine.cli("wharf")("stop", "wt-z").ok()  # what the engine's own start begins again
        engine.stop()
        with contextlib.suppress(AssertionError):  # it may be killed before it serves
            engine.start(failpoints=f"{name}=kill@1")
        _life(name)(engine)
        if not engine.has_ended:
            engine.kill()
        engine.start()
        engine.clear()
        engine.settle(base)
        cli = engine.cli("wharf")
        assert cli("run", "--rm", IMAGE, "echo", "whole").ok() == "whole"
        engine.settle(base)
